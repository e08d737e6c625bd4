package gitlabcitest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// onSchedule makes a handler of one that works on a schedule. GitLab looks for it before
// it asks for rights.
func onSchedule(handle func(*call, *schedule) *response) func(*call) *response {
	return inProject(func(c *call, owner *project) *response {
		one := owner.schedule(value[int64](c, "pipeline_schedule_id"))
		if one == nil || !c.access.read() {
			return notFound("Pipeline Schedule Not Found")
		}
		if allowed := c.route.demand.schedule; allowed != nil && !allowed(c.access, one) {
			return forbidden()
		}
		return handle(c, one)
	})
}

func listSchedulesParams() []rack.Param {
	return append(pageParams(), rack.Param{Name: "scope", Parse: rack.OneOf("active", "inactive")})
}

func listSchedules(c *call, owner *project) *response {
	scope := value[string](c, "scope")
	found := slices.DeleteFunc(slices.Clone(owner.schedules), func(one *schedule) bool { return scope != "" && one.active != (scope == "active") })
	part, header := numberedPage(c, found)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderSchedule)}
}

func getSchedule(c *call, one *schedule) *response { return ok(c.renderDetails(one)) }

// listSchedulePipelinesParams have an estimate: older releases list all, oldest first.
func listSchedulePipelinesParams() []rack.Param {
	params := []rack.Param{
		{Name: "scope", Parse: rack.OneOf("running", "pending", "finished", "branches", "tags")},
		{Name: "status", ParseIn: func(v versions.Version) rack.Parser { return rack.OneOf(v.Statuses()...) }},
		{Name: "updated_before", Parse: rack.Moment},
		{Name: "updated_after", Parse: rack.Moment},
		{Name: "created_before", Parse: rack.Moment},
		{Name: "created_after", Parse: rack.Moment},
		{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "asc"},
	}
	for i := range params {
		params[i].Known = versions.Since(19, 0)
	}
	return append(pageParams(), params...)
}

func listSchedulePipelines(c *call, one *schedule) *response {
	query := pipelineQuery{
		scope:   value[string](c, "scope"),
		status:  value[string](c, "status"),
		created: span{value[time.Time](c, "created_after"), value[time.Time](c, "created_before")},
		updated: span{value[time.Time](c, "updated_after"), value[time.Time](c, "updated_before")},
	}
	fits := every(query.conditions(one.project))
	found := slices.DeleteFunc(one.started(), func(p *pipeline) bool { return fits != nil && !fits(p) })
	if value[string](c, "sort") == "desc" {
		slices.Reverse(found)
	}
	part, header := numberedPage(c, found)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().basic)}
}

func createScheduleParams() []rack.Param {
	return []rack.Param{
		{Name: "description", Parse: rack.Text, Required: true},
		{Name: "ref", Parse: rack.Filled, Required: true},
		{Name: "cron", Parse: rack.Text, Required: true},
		{Name: "cron_timezone", Parse: rack.Text, Initial: "UTC"},
		{Name: "active", Parse: rack.Boolean, Initial: "true"},
		{Name: "inputs", Parse: scheduleInputs, Known: versions.Since(17, 11)},
	}
}

func updateScheduleParams() []rack.Param {
	params := createScheduleParams()
	for i := range params {
		params[i].Required, params[i].Initial = false, ""
	}
	params[1].Parse = rack.Text
	return params
}

// scheduleInputs reads a list of hashes, each with a name, and a value unless the input is
// to be removed.
func scheduleInputs(given any) (any, string) {
	list, ok := given.([]any)
	if !ok {
		return nil, rack.IsInvalid
	}
	for i, element := range list {
		fields, ok := element.(rack.Tree)
		destroyed, complaint := rack.Boolean(fields["destroy"])
		switch {
		case !ok:
			return nil, fmt.Sprintf("[%d]%s", i, rack.IsInvalid)
		case fields["name"] == nil:
			return nil, fmt.Sprintf("[%d][name] is missing", i)
		case fields["value"] == nil && (destroyed != true || complaint != ""):
			return nil, fmt.Sprintf("[%d][value] is missing", i)
		}
	}
	return list, ""
}

// fillSchedule sets what a call has of a schedule.
func (c *call) fillSchedule(one *schedule) {
	for name, field := range map[string]*string{
		"description": &one.description, "ref": &one.ref, "cron": &one.cron, "cron_timezone": &one.zone,
	} {
		if given := optional[string](c, name); given != nil {
			*field = strings.TrimSpace(*given)
		}
	}
	if active := optional[bool](c, "active"); active != nil {
		one.active = *active
	}
	one.ref = one.project.fullRef(one.ref)
	for _, in := range c.pairs("inputs") {
		name := fmt.Sprint(in["name"])
		if destroyed, _ := rack.Boolean(in["destroy"]); destroyed == true {
			one.inputs = slices.DeleteFunc(one.inputs, func(other scheduleInput) bool { return other.name == name })
			continue
		}
		one.setInput(name, in["value"])
	}
}

func createSchedule(c *call, owner *project) *response {
	one := &schedule{project: owner, owner: c.user, created: c.now, updated: c.now}
	c.fillSchedule(one)
	if wrong := one.wrong(); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	c.state.addSchedule(one)
	return created(c.renderWritten(one))
}

func updateSchedule(c *call, one *schedule) *response {
	changed := *one
	changed.inputs = slices.Clone(one.inputs)
	c.fillSchedule(&changed)
	if wrong := changed.wrong(); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	*one = changed
	one.updated = c.now
	c.state.replan(one, c.now)
	return ok(c.renderWritten(one))
}

func takeSchedule(c *call, one *schedule) *response {
	if one.owner == c.user {
		return ok(c.renderWritten(one))
	}
	one.owner, one.updated = c.user, c.now
	return created(c.renderWritten(one))
}

func deleteSchedule(c *call, one *schedule) *response {
	if refused := c.refuseChanged(one.updated); refused != nil {
		return refused
	}
	one.project.schedules = remove(one.project.schedules, one.id, byScheduleID)
	return noContent()
}

// playSchedule does not say which pipeline there will be.
func playSchedule(c *call, one *schedule) *response {
	if !c.state.playSchedule(one, c.user, c.now) {
		return refuse(http.StatusInternalServerError, "Unable to schedule pipeline run immediately")
	}
	return created(map[string]any{"message": "201 Created"})
}

func createScheduleVariableParams() []rack.Param {
	return []rack.Param{
		{Name: "key", Parse: rack.Text, Required: true},
		{Name: "value", Parse: rack.Text, Required: true},
		{Name: "variable_type", Parse: rack.OneOf("env_var", "file"), Initial: "env_var"},
	}
}

func updateScheduleVariableParams() []rack.Param {
	return []rack.Param{{Name: "value", Parse: rack.Text}, {Name: "variable_type", Parse: rack.OneOf("env_var", "file")}}
}

func createScheduleVariable(c *call, one *schedule) *response {
	v := gitlabci.Variable{
		Key: value[string](c, "key"), Value: value[string](c, "value"), VariableType: gitlabci.VariableType(value[string](c, "variable_type")),
	}
	if texts := checkKey(v.Key); texts != nil {
		return refuse(http.StatusBadRequest, fieldErrors{"key": texts})
	}
	if one.variable(v.Key) >= 0 {
		return refuse(http.StatusBadRequest, fieldErrors{"key": {"has already been taken"}})
	}
	one.variables = append(one.variables, v)
	return created(renderVariable(v))
}

// onScheduleVariable makes a handler of one that works on a variable, given by its index.
func onScheduleVariable(handle func(*call, *schedule, int) *response) func(*call) *response {
	return onSchedule(func(c *call, one *schedule) *response {
		i := one.variable(value[string](c, "key"))
		if i < 0 {
			return notFound("Pipeline Schedule Variable Not Found")
		}
		return handle(c, one, i)
	})
}

func getScheduleVariable(_ *call, one *schedule, i int) *response {
	return ok(renderVariable(one.variables[i]))
}

func updateScheduleVariable(c *call, one *schedule, i int) *response {
	if text := optional[string](c, "value"); text != nil {
		one.variables[i].Value = *text
	}
	if kind := optional[string](c, "variable_type"); kind != nil {
		one.variables[i].VariableType = gitlabci.VariableType(*kind)
	}
	return ok(renderVariable(one.variables[i]))
}

func deleteScheduleVariable(_ *call, one *schedule, i int) *response {
	gone := one.variables[i]
	one.variables = slices.Delete(one.variables, i, i+1)
	return &response{status: http.StatusAccepted, body: renderVariable(gone)}
}

// renderSchedule is a schedule in a list, with its inputs for those who may have them.
func (c *call) renderSchedule(one *schedule) shape.Schedule {
	rendered := shape.Schedule{
		ID: one.id, Description: one.description, Ref: one.ref, Cron: one.cron, CronTimezone: one.zone,
		NextRunAt: shape.Timestamp(one.next), Active: one.active, CreatedAt: shape.Timestamp(one.created), UpdatedAt: shape.Timestamp(one.updated),
		Owner: c.renderer().userBasic(one.owner),
	}
	if c.access.adminSchedule(one) {
		rendered.Inputs = new(shape.Each(one.inputs, func(in scheduleInput) shape.ScheduleInput {
			return shape.ScheduleInput{Name: in.name, Value: shape.Encode(in.value)}
		}))
	}
	return rendered
}

// renderDetails is a schedule that was requested by itself.
func (c *call) renderDetails(one *schedule) shape.ScheduleDetails {
	rendered := shape.ScheduleDetails{Schedule: c.renderSchedule(one)}
	if started := one.started(); len(started) > 0 {
		rendered.LastPipeline = new(c.renderer().basic(started[len(started)-1]))
	}
	if c.access.adminSchedule(one) {
		rendered.Variables = new(shape.Each(one.variables, renderVariable))
	}
	return rendered
}

// renderWritten is a schedule that was just made or changed. Its variables and inputs are
// for nobody then.
func (c *call) renderWritten(one *schedule) shape.ScheduleDetails {
	rendered := c.renderDetails(one)
	rendered.Inputs, rendered.Variables = nil, nil
	return rendered
}
