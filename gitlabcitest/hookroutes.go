package gitlabcitest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

func createHookParams() []rack.Param {
	return append(updateHookParams()[1:], rack.Param{Name: "url", Parse: rack.Text, Required: true})
}

// updateHookParams begin with the URL.
func updateHookParams() []rack.Param {
	params := []rack.Param{
		{Name: "url", Parse: rack.Text},
		{Name: "token", Parse: rack.Text},
		{Name: "signing_token", Parse: rack.Text, Known: versions.Since(19, 0)},
		{Name: "name", Parse: rack.Text, Known: versions.Since(17, 1)},
		{Name: "description", Parse: rack.Text, Known: versions.Since(17, 1)},
		{Name: "enable_ssl_verification", Parse: rack.Boolean},
		{Name: "push_events_branch_filter", Parse: rack.Text},
		{Name: "branch_filter_strategy", Parse: rack.OneOf("wildcard", "regex", "all_branches"), Known: versions.Since(15, 3)},
		{Name: "custom_webhook_template", Parse: rack.Text, Known: versions.Since(16, 10)},
		{Name: "custom_headers", Parse: rack.PairsOf("custom_headers"), Known: versions.Since(17, 1)},
		{Name: "url_variables", Parse: rack.PairsOf("url_variables"), Known: versions.Since(15, 2)},
	}
	for _, event := range hookEvents() {
		params = append(params, rack.Param{Name: event, Parse: rack.Boolean})
	}
	return params
}

// onHook makes a handler of one that works on a hook.
func onHook(handle func(*call, *hook) *response) func(*call) *response {
	return inProject(func(c *call, owner *project) *response {
		h := c.state.hook(owner, value[int64](c, "hook_id"))
		if h == nil {
			return notFound("Not found")
		}
		return handle(c, h)
	})
}

func listHooks(c *call, owner *project) *response {
	part, header := numberedPage(c, owner.hooks)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().hook)}
}

func getHook(c *call, h *hook) *response { return ok(c.renderer().hook(h)) }

func createHook(c *call, owner *project) *response {
	h := newHook(owner, c.now)
	c.fillHook(h)
	if wrong := h.wrong(); wrong != nil {
		return refuseHook(wrong)
	}
	c.state.addHook(h)
	return created(c.renderer().hook(h))
}

func updateHook(c *call, h *hook) *response {
	changed := *h
	changed.events, changed.headers, changed.urlVariables = maps.Clone(h.events), maps.Clone(h.headers), maps.Clone(h.urlVariables)
	if !c.fillHook(&changed) {
		return invalid("No parameters provided")
	}
	kept := *h
	*h = changed // so that it counts as one that there is already
	if wrong := h.wrong(); wrong != nil {
		*h = kept
		return refuseHook(wrong)
	}
	if h.url != kept.url {
		h.handler = nil
	}
	return ok(c.renderer().hook(h))
}

// refuseHook says what is wrong with a hook.
func refuseHook(wrong any) *response {
	if text, plain := wrong.(string); plain {
		return &response{status: http.StatusUnprocessableEntity, body: map[string]any{"error": text}}
	}
	return refuse(http.StatusUnprocessableEntity, wrong)
}

// fillHook sets what a call has of a hook, and reports whether that is anything.
func (c *call) fillHook(h *hook) (any bool) {
	for name, field := range map[string]*string{
		"url": &h.url, "token": &h.token, "signing_token": &h.signingToken, "name": &h.name, "description": &h.description,
		"push_events_branch_filter": &h.branchFilter, "branch_filter_strategy": &h.filterStrategy, "custom_webhook_template": &h.template,
	} {
		if given := optional[string](c, name); given != nil {
			*field, any = strings.TrimSpace(*given), true
		}
	}
	for _, event := range hookEvents() {
		if given := optional[bool](c, event); given != nil {
			h.events[event], any = *given, true
		}
	}
	if verified := optional[bool](c, "enable_ssl_verification"); verified != nil {
		h.insecure, any = !*verified, true
	}
	for name, pairs := range map[string]map[string]string{"custom_headers": h.headers, "url_variables": h.urlVariables} {
		for _, one := range c.pairs(name) {
			key, _ := rack.Text(one["key"])
			value, _ := rack.Text(one["value"])
			pairs[key.(string)], any = value.(string), true
		}
	}
	return any
}

// pairs are the pairs of a parameter that was parsed by [rack.PairsOf].
func (c *call) pairs(name string) (found []rack.Tree) {
	for _, one := range value[[]any](c, name) {
		found = append(found, one.(rack.Tree))
	}
	return found
}

func deleteHook(c *call, h *hook) *response {
	h.queue = nil
	c.state.hookQueue.late = slices.DeleteFunc(c.state.hookQueue.late, func(d *hookDelivery) bool { return d.hook == h })
	h.project.hooks = remove(h.project.hooks, h.id, byHookID)
	return noContent()
}

func listHookEventParams() []rack.Param {
	return []rack.Param{
		{Name: "page", Parse: rack.Integer, Initial: "1"},
		{Name: "per_page", Parse: rack.Within(1, 20), Initial: "20"},
		{Name: "status", Parse: rack.Text},
	}
}

// listHookEvents lists the newest first.
func listHookEvents(c *call, h *hook) *response {
	var wanted []string
	if text := value[string](c, "status"); text != "" {
		wanted = strings.Split(text, ",")
	}
	found := []*hookLog{}
	for _, l := range slices.Backward(h.logs) {
		fits := func(word string) bool { return l.fits(strings.TrimSpace(word)) }
		if c.now.Sub(l.at) <= hookLogsLast && (wanted == nil || slices.ContainsFunc(wanted, fits)) {
			found = append(found, l)
		}
	}
	part, header := numberedPage(c, found)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, renderHookLog)}
}

// fits reports whether a response has a status, or one of a kind.
func (l *hookLog) fits(word string) bool {
	switch word {
	case "successful":
		return l.status/100 == 2
	case "client_failure":
		return l.status/100 == 4
	case "server_failure":
		return l.status/100 == 5 || l.status == 0
	}
	return l.word() == word
}

// resendHookEvent makes a delivery again, under the same key.
func resendHookEvent(c *call, h *hook) *response {
	i := slices.IndexFunc(h.logs, func(l *hookLog) bool { return l.id == value[int64](c, "hook_event_id") })
	switch {
	case i < 0:
		return notFound("Not found")
	case h.logs[i].url != h.url:
		return refuse(http.StatusUnprocessableEntity, "The hook URL has changed, and this log entry cannot be retried")
	case c.delivered == nil && h.alert(c.now) != "executable":
		return refuse(http.StatusUnprocessableEntity, "Hook disabled")
	case c.delivered == nil:
		again := *h.logs[i].delivery
		return &response{deliver: &again}
	case c.delivered.status == 0:
		return refuse(http.StatusUnprocessableEntity, c.delivered.responseBody)
	}
	return created(map[string]int{"response_status": c.delivered.status})
}

// testHook delivers a sample of an event: what the project has of it.
func testHook(c *call, h *hook) *response {
	if c.delivered != nil {
		if c.delivered.status/100 == 2 {
			return created(map[string]any{"message": "201 Created"})
		}
		return refuse(http.StatusUnprocessableEntity, cmp.Or(c.delivered.responseBody, "The hook could not be tested"))
	}
	event := HookEvent(value[string](c, "trigger"))
	sample, complaint := h.project.sample(event)
	if complaint != "" {
		return refuse(http.StatusUnprocessableEntity, complaint)
	}
	post := c.state.hookQueue
	body := post.encode(c.now, true, sample)
	return &response{deliver: &hookDelivery{hook: h, event: event, body: body, uuid: post.nextUUID(), key: post.nextUUID()}}
}

// sample is a payload of an event, or why there is none.
func (p *project) sample(event HookEvent) (payload func(*payloadRenderer) any, complaint string) {
	deployed := slices.DeleteFunc(slices.Clone(p.jobs), func(j *job) bool { return j.deployment == 0 })
	switch {
	case event == HookEventPipeline && len(p.pipelines) > 0:
		last := p.pipelines[len(p.pipelines)-1]
		return func(r *payloadRenderer) any { return r.pipelineEvent(last) }, ""
	case event == HookEventPipeline:
		return nil, "Ensure the project has CI pipelines."
	case event == HookEventJob && len(p.jobs) > 0:
		return func(r *payloadRenderer) any { return r.jobEvent(p.jobs[len(p.jobs)-1]) }, ""
	case event == HookEventJob:
		return nil, "Ensure the project has CI jobs."
	case event == HookEventDeployment && len(deployed) > 0:
		return func(r *payloadRenderer) any { return r.deploymentEvent(deployed[len(deployed)-1], r.now) }, ""
	case event == HookEventDeployment:
		return nil, "Ensure the project has deployments."
	}
	return nil, "Ensure the project has what the event is about." // of which the fake has nothing
}

func (r *renderer) hook(h *hook) shape.Hook {
	rendered := shape.Hook{
		ID: h.id, URL: h.url, Name: shape.OrNull(h.name), Description: shape.OrNull(h.description), CreatedAt: shape.Timestamp(h.created),
		PushEvents: h.events["push_events"], TagPushEvents: h.events["tag_push_events"], MergeRequestsEvents: h.events["merge_requests_events"],
		SSLVerification: !h.insecure, AlertStatus: h.alert(r.now), URLVariables: hookKeys(h.urlVariables), BranchFilter: shape.OrNull(h.branchFilter),
		BranchStrategy: h.filterStrategy, Template: shape.OrNull(h.template), CustomHeaders: hookKeys(h.headers),
		TokenPresent: h.token != "", SigningTokenPresent: h.signingToken != "", ProjectID: h.project.id,
		IssuesEvents: h.events["issues_events"], ConfidentialIssuesEvents: h.events["confidential_issues_events"],
		NoteEvents: h.events["note_events"], ConfidentialNoteEvents: h.events["confidential_note_events"],
		PipelineEvents: h.events["pipeline_events"], WikiPageEvents: h.events["wiki_page_events"], DeploymentEvents: h.events["deployment_events"],
		FeatureFlagEvents: h.events["feature_flag_events"], JobEvents: h.events["job_events"], ReleasesEvents: h.events["releases_events"],
		MilestoneEvents: h.events["milestone_events"], EmojiEvents: h.events["emoji_events"],
		AccessTokenEvents: h.events["resource_access_token_events"], DeployTokenEvents: h.events["resource_deploy_token_events"],
		VulnerabilityEvents: h.events["vulnerability_events"],
	}
	if rendered.AlertStatus == "temporarily_disabled" {
		rendered.DisabledUntil = shape.Timestamp(h.disabled)
	}
	return rendered
}

func hookKeys(pairs map[string]string) []shape.HookHeader {
	return shape.Each(slices.Sorted(maps.Keys(pairs)), func(key string) shape.HookHeader { return shape.HookHeader{Key: key} })
}

func renderHookLog(l *hookLog) shape.HookLog {
	rendered := shape.HookLog{
		ID: l.id, URL: l.url, Trigger: strings.TrimSuffix(string(l.delivery.event), "_events") + "_hooks",
		RequestHeaders: l.requestHeaders, RequestData: json.RawMessage("{}"), ResponseHeaders: map[string]string{}, ResponseBody: l.responseBody,
		ExecutionDuration: l.took.Seconds(), ResponseStatus: l.word(), CreatedAt: shape.Timestamp(l.at),
	}
	if body, err := l.delivery.hook.render(l.delivery.body); err == nil {
		rendered.RequestData = body
	}
	maps.Copy(rendered.ResponseHeaders, l.responseHeaders)
	return rendered
}
