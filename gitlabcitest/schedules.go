package gitlabcitest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/cron"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// A Schedule is a pipeline schedule to add. Zero fields have the value that the comment
// says.
//
// It starts a pipeline whenever its Cron is due by the clock, in the name of its owner. If
// the owner may no longer run pipelines, it is deactivated. A pipeline that cannot be
// started, for example because its ref is gone, is left out without an error, as in GitLab.
type Schedule struct {
	ID           gitlabci.ScheduleID  // the next one
	Description  string               // "nightly"
	Ref          string               // the default branch
	Cron         string               // "0 1 * * *": five fields, of numbers, names, ranges, lists and steps
	CronTimezone string               // "UTC"; the name of another one is of the IANA database
	Inactive     bool                 // whether it is never due
	Username     string               // its owner: "maya"; a name that is new makes a user, who owns every project until AddMember
	Variables    []*gitlabci.Variable // none; each needs a Key
	Inputs       map[string]any       // none

	// PlayTakes is how long GitLab takes to start the pipeline of a schedule that is
	// played. Meanwhile its user cannot play it again. With zero, the pipeline starts right
	// after the response.
	PlayTakes time.Duration
}

// AddSchedule adds a pipeline schedule to a project, given by its path or ID, and returns
// what was added: one with its defaults. It panics if there is no such project, if the ID
// is taken, or if GitLab would refuse the schedule.
func (s *Server) AddSchedule(project string, one Schedule) *Schedule {
	at := s.lock()
	defer s.mu.Unlock()
	owner := s.mustProject("AddSchedule", project)
	if one.ID < 0 || owner.schedule(int64(one.ID)) != nil {
		misuse("AddSchedule: the ID %d is negative or taken", one.ID)
	}
	if one.PlayTakes < 0 {
		misuse("AddSchedule: PlayTakes is %v", one.PlayTakes)
	}
	one.Description, one.Ref = cmp.Or(one.Description, "nightly"), cmp.Or(one.Ref, owner.branch)
	one.Cron, one.CronTimezone = cmp.Or(one.Cron, "0 1 * * *"), cmp.Or(one.CronTimezone, "UTC")
	one.Username = cmp.Or(one.Username, defaultUsername)
	added := &schedule{
		id: int64(one.ID), project: owner, owner: s.state.ensureUser(one.Username), description: one.Description, ref: owner.fullRef(one.Ref),
		cron: one.Cron, zone: one.CronTimezone, active: !one.Inactive, takes: one.PlayTakes, created: at, updated: at,
		variables: storedVariables("AddSchedule", one.Variables),
	}
	for _, name := range slices.Sorted(maps.Keys(one.Inputs)) {
		added.setInput(name, fromJSON(string(shape.Encode(one.Inputs[name]))))
	}
	if wrong := added.wrong(); wrong != nil {
		misuse("AddSchedule: GitLab refuses it: %v", wrong)
	}
	s.state.addSchedule(added)
	one.ID = gitlabci.ScheduleID(added.id)
	return &one
}

// A schedule is a pipeline schedule of a project.
type schedule struct {
	id          int64
	project     *project
	owner       *user
	description string
	ref         string // in full, where that is clear
	cron, zone  string
	active      bool
	variables   []gitlabci.Variable
	inputs      []scheduleInput
	takes       time.Duration
	playing     []*user // whose plays have not started their pipelines yet

	created, updated time.Time
	next             time.Time // when it is due, or zero
}

type scheduleInput struct {
	name  string
	value any
}

// addSchedule gives a schedule its place, and an ID unless it has one.
func (s *state) addSchedule(one *schedule) {
	one.id = cmp.Or(one.id, s.lastSchedule+1)
	s.lastSchedule = max(s.lastSchedule, one.id)
	i, _ := slices.BinarySearchFunc(one.project.schedules, one.id, byScheduleID)
	one.project.schedules = slices.Insert(one.project.schedules, i, one)
	s.replan(one, one.created)
}

func byScheduleID(one *schedule, id int64) int { return cmp.Compare(one.id, id) }

// schedule finds a schedule by its ID, or returns nil.
func (p *project) schedule(id int64) *schedule {
	i, found := slices.BinarySearchFunc(p.schedules, id, byScheduleID)
	if !found {
		return nil
	}
	return p.schedules[i]
}

// exists reports whether a schedule has not been deleted.
func (one *schedule) exists() bool { return one.project.schedule(one.id) == one }

// fullRef is a branch or a tag by its full name, as GitLab keeps it.
func (p *project) fullRef(name string) string {
	r := p.refs[name]
	switch {
	case r != nil && r.kind == branchRef:
		return "refs/heads/" + name
	case r != nil && r.kind == tagRef:
		return "refs/tags/" + name
	}
	return name
}

// branch is the name of the branch or the tag, as pipelines have it.
func (one *schedule) branch() string {
	return strings.TrimPrefix(strings.TrimPrefix(one.ref, "refs/heads/"), "refs/tags/")
}

// times is when the schedule is due, nil if what says so is wrong.
func (one *schedule) times() *cron.Schedule {
	zone, ok := cron.Zone(one.zone)
	if !ok {
		return nil
	}
	times, _ := cron.Parse(one.cron, zone)
	return times
}

// wrong is why GitLab does not save a schedule, or nil.
func (one *schedule) wrong() fieldErrors {
	found := fieldErrors{}
	if strings.TrimSpace(one.description) == "" {
		found["description"] = []string{"can't be blank"}
	}
	if _, ok := cron.Zone(one.zone); !ok {
		found["cron_timezone"] = []string{"is invalid syntax"}
	} else if one.times() == nil {
		found["cron"] = []string{"is invalid syntax"}
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// replan puts on the agenda when an active schedule is due next.
func (s *state) replan(one *schedule, at time.Time) {
	var next time.Time
	if one.active {
		next = one.times().Next(at)
	}
	if one.next = next; next.IsZero() {
		return
	}
	s.agenda.setDo(next, func(at time.Time) {
		if one.exists() && one.active && one.next.Equal(next) { // else it has been changed since
			s.due(one, at)
		}
	})
}

// due starts the pipeline of a schedule, unless its owner may not: then it is over.
func (s *state) due(one *schedule, at time.Time) {
	if access := one.project.accessOf(one.owner); one.owner.blocked || !access.runOn(one.branch()) {
		one.active = false
	} else {
		s.runSchedule(one, one.owner, at)
	}
	s.replan(one, at)
}

// runSchedule starts a pipeline of a schedule for a user. A failure is not reported.
func (s *state) runSchedule(one *schedule, u *user, at time.Time) {
	given := rack.Tree{}
	for _, in := range one.inputs {
		given[in.name] = in.value
	}
	if complain(one.project.settings.Inputs, given) != nil {
		return
	}
	s.create(&pipeline{
		project: one.project, user: u, ref: one.branch(), variables: slices.Clone(one.variables), schedule: one,
		source: gitlabci.SourceSchedule, created: at, updated: at,
	})
}

// playSchedule has a pipeline of a schedule started for a user, and reports whether it is not
// about to be already.
func (s *state) playSchedule(one *schedule, u *user, at time.Time) bool {
	if slices.Contains(one.playing, u) {
		return false
	}
	one.playing = append(one.playing, u)
	s.agenda.setDo(at.Add(one.takes), func(at time.Time) {
		one.playing = slices.DeleteFunc(one.playing, func(other *user) bool { return other == u })
		if one.exists() {
			s.runSchedule(one, u, at)
		}
	})
	return true
}

// started are the pipelines that a schedule has started, by ID.
func (one *schedule) started() (found []*pipeline) {
	for _, p := range one.project.pipelines {
		if p.schedule == one {
			found = append(found, p)
		}
	}
	return found
}

// setInput sets an input, in place of the one with that name if there is one.
func (one *schedule) setInput(name string, value any) {
	i := slices.IndexFunc(one.inputs, func(in scheduleInput) bool { return in.name == name })
	if i < 0 {
		one.inputs = append(one.inputs, scheduleInput{name, value})
		return
	}
	one.inputs[i].value = value
}

// variable is the index of a variable, or -1.
func (one *schedule) variable(key string) int {
	return slices.IndexFunc(one.variables, func(v gitlabci.Variable) bool { return v.Key == key })
}

// ownsSchedule, adminSchedule and updateSchedule are GitLab's rules: a Maintainer may take
// a schedule and remove it, but only its owner may change it.
func (a access) ownsSchedule(one *schedule) bool { return a.run() && one.owner == a.user }

func (a access) adminSchedule(one *schedule) bool {
	return a.role >= RoleMaintainer || a.ownsSchedule(one)
}

func (a access) updateSchedule(one *schedule) bool {
	return a.ownsSchedule(one) || a.user != nil && a.user.admin
}

func (a access) playSchedule(one *schedule) bool { return a.runOn(one.branch()) }

func (a access) setScheduleVariable(one *schedule) bool {
	return a.setVariables() && a.updateSchedule(one)
}

func (a access) deleteScheduleVariable(one *schedule) bool {
	return a.setVariables() && a.adminSchedule(one)
}
