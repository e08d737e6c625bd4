package gitlabcitest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/gitlabci"
)

// A HookEvent is a kind of event that a hook receives. The words are GitLab's.
type HookEvent string

// What the server delivers by itself. A hook can have other events, which are never delivered.
const (
	HookEventPipeline   HookEvent = "pipeline_events"   // the status of a pipeline changes
	HookEventJob        HookEvent = "job_events"        // the status of a job changes, except trigger jobs
	HookEventDeployment HookEvent = "deployment_events" // a job with an Environment begins or ends
)

// A Hook is a project's webhook to add. Zero fields have the value that the comment says.
//
// What happens is delivered when it happens, by the clock, as GitLab 19 does: with its
// headers, signed, and with times as text such as "2024-06-11 03:02:25 UTC". Adding a
// pipeline or a job delivers nothing; its first change is delivered. A hook's deliveries are
// made one after the other, and not repeated, whatever the response is. Each has ten seconds
// for its response. After four failures in a row GitLab disables a hook for a minute, then
// for twice as long with each, up to a day, and after forty for good, as GitLab.com does; a
// success, also of a test request, ends that. A [Fault] with [HookRoute] loses, repeats,
// delays or reorders deliveries. [Server.Wait] waits for them.
type Hook struct {
	ID gitlabci.WebhookID // the next one

	// URL is where deliveries go over HTTP. It may be "" beside a Handler.
	URL string

	// Handler gets the deliveries in place of the URL, by real HTTP over pipes in memory, so
	// that everything works inside of [testing/synctest]. It may call the server.
	Handler http.Handler

	Token        string      // that is sent in X-Gitlab-Token: none
	SigningToken string      // "whsec_" and 32 bytes in base64, that deliveries are signed with: none
	Events       []HookEvent // that it receives: all of pipelines, jobs and deployments
	Name         string      // none
	Description  string      // none
}

// AddHook adds a webhook to a project, given by its path or ID, and returns what was
// added: h with its defaults. It panics if there is no such project, or neither a URL nor
// a Handler, or if GitLab would refuse the hook.
//
// From the first hook on the server has a timer, which [Server.Close] stops.
func (s *Server) AddHook(project string, h Hook) *Hook {
	at := s.lock()
	defer s.mu.Unlock()
	owner := s.mustProject("AddHook", project)
	if h.ID < 0 || s.state.hook(owner, int64(h.ID)) != nil {
		misuse("AddHook: the ID %d is negative or taken", h.ID)
	}
	h.ID = cmp.Or(h.ID, gitlabci.WebhookID(s.state.lastHook+1))
	if h.URL == "" && h.Handler != nil {
		h.URL = fmt.Sprintf("http://hook-%d.localhost/", h.ID)
	}
	if h.Events == nil {
		h.Events = []HookEvent{HookEventPipeline, HookEventJob, HookEventDeployment}
	}
	added := newHook(owner, at)
	added.id, added.url, added.handler, added.token, added.signingToken = int64(h.ID), h.URL, h.Handler, h.Token, h.SigningToken
	added.name, added.description = h.Name, h.Description
	added.events["push_events"] = false
	for _, event := range h.Events {
		if !slices.Contains(hookEvents(), string(event)) {
			misuse("AddHook: %q is not a HookEvent", event)
		}
		added.events[string(event)] = true
	}
	if wrong := added.wrong(); wrong != nil {
		misuse("AddHook: GitLab refuses it: %v", wrong)
	}
	s.state.addHook(added)
	return &h
}

// hookEvents are all events that a hook can have.
func hookEvents() []string {
	return []string{
		"push_events", "tag_push_events", "merge_requests_events", "issues_events", "confidential_issues_events", "note_events",
		"confidential_note_events", "pipeline_events", "wiki_page_events", "deployment_events", "feature_flag_events", "job_events",
		"releases_events", "milestone_events", "emoji_events", "resource_access_token_events", "resource_deploy_token_events", "vulnerability_events",
	}
}

// A hook is a project's webhook.
type hook struct {
	id      int64
	project *project
	url     string
	handler http.Handler // in place of the URL, if that is its own; or nil
	created time.Time

	name, description, template  string
	token, signingToken          string
	branchFilter, filterStrategy string
	events                       map[string]bool
	headers, urlVariables        map[string]string
	insecure                     bool

	failures int // in a row
	disabled time.Time
	logs     []*hookLog // by ID

	queue []*hookDelivery // that are to be made, in order
	busy  bool            // whether one is being made
}

func newHook(owner *project, at time.Time) *hook {
	return &hook{
		project: owner, created: at, filterStrategy: "wildcard", events: map[string]bool{"push_events": true},
		headers: map[string]string{}, urlVariables: map[string]string{},
	}
}

// mostHooks is how many hooks a project can have.
const mostHooks = 100

func (s *state) addHook(h *hook) {
	h.id = cmp.Or(h.id, s.lastHook+1)
	s.lastHook = max(s.lastHook, h.id)
	i, _ := slices.BinarySearchFunc(h.project.hooks, h.id, byHookID)
	h.project.hooks = slices.Insert(h.project.hooks, i, h)
	s.hookQueue.start()
}

func byHookID(h *hook, id int64) int { return cmp.Compare(h.id, id) }

// hook finds a hook of a project, or returns nil.
func (s *state) hook(owner *project, id int64) *hook {
	i, found := slices.BinarySearchFunc(owner.hooks, id, byHookID)
	if !found {
		return nil
	}
	return owner.hooks[i]
}

var (
	signingToken  = regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{43}=$`)
	hookHeaderKey = regexp.MustCompile(`^[A-Za-z]+[A-Za-z0-9._-]*[A-Za-z0-9]+$`)
)

// key is what deliveries are signed with, nil if they are not.
func (h *hook) key() []byte {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.signingToken, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil
	}
	return key
}

// wrong is why GitLab does not save a hook, or nil. A wrong URL and a wrong header have
// messages of their own.
func (h *hook) wrong() any {
	base := fmt.Sprintf("Maximum number of project hooks (%d) exceeded", mostHooks)
	isNew := !slices.Contains(h.project.hooks, h)
	found := fieldErrors{}
	switch {
	case !isWebURL(h.interpolated()):
		return "Invalid url given"
	case h.filterStrategy != "wildcard" && h.filterStrategy != "regex" && h.filterStrategy != "all_branches":
		return "Invalid branch filter given"
	case len(h.headers) > 20 || slices.ContainsFunc(slices.Collect(maps.Keys(h.headers)), func(key string) bool { return !hookHeaderKey.MatchString(key) }):
		return "Custom headers validation failed"
	case isNew && len(h.project.hooks) >= mostHooks:
		found["base"] = []string{base}
	}
	if h.signingToken != "" && (!signingToken.MatchString(h.signingToken) || len(h.key()) != 32) {
		found["signing_token"] = []string{"must be in the format whsec_<base64>, with a key of 32 bytes"}
	}
	for field, text := range map[string]string{"name": h.name, "description": h.description} {
		if most := map[string]int{"name": 255, "description": 2048}[field]; utf8.RuneCountInString(text) > most {
			found[field] = []string{fmt.Sprintf("is too long (maximum is %d characters)", most)}
		}
	}
	if strings.ContainsAny(h.token, "\r\n") {
		found["token"] = []string{"is invalid"}
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// interpolated is the URL with its variables filled in.
func (h *hook) interpolated() string {
	url := h.url
	for name, value := range h.urlVariables {
		url = strings.ReplaceAll(url, "{"+name+"}", value)
	}
	return url
}

const (
	graceFailures = 3  // that do not disable a hook
	mostFailures  = 39 // that do not disable it for good
)

// alert is whether deliveries are made, in GitLab's words.
func (h *hook) alert(at time.Time) string {
	switch {
	case h.failures > mostFailures:
		return "disabled"
	case !h.disabled.Before(at) && h.failures > graceFailures:
		return "temporarily_disabled"
	}
	return "executable"
}

// countResult counts how a delivery ended. While the hook is disabled no failure counts.
func (h *hook) countResult(success bool, at time.Time) {
	switch {
	case success:
		h.failures, h.disabled = 0, time.Time{}
		return
	case h.alert(at) != "executable":
		return
	}
	wait := time.Minute << min(max(h.failures-graceFailures, 0), 11)
	if h.failures++; h.failures > graceFailures {
		h.disabled = at.Add(min(wait, 24*time.Hour))
	}
}

// A hookLog is a delivery that was made, and its response.
type hookLog struct {
	id              int64
	delivery        *hookDelivery
	url             string
	requestHeaders  map[string]string
	responseHeaders map[string]string
	responseBody    string
	status          int // 0 is no response
	took            time.Duration
	at              time.Time
}

const (
	hookLogsLast = 7 * 24 * time.Hour
	mostHookLogs = 1000 // of a hook, so that a server that runs for long does not grow
)

// keep keeps a log, and forgets old ones.
func (h *hook) keep(l *hookLog) {
	h.logs = append(h.logs, l)
	old := max(0, len(h.logs)-mostHookLogs)
	for old < len(h.logs) && l.at.Sub(h.logs[old].at) > hookLogsLast {
		old++
	}
	h.logs = slices.Delete(h.logs, 0, old)
}
