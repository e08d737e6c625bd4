package gitlabcitest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A TriggerToken is a trigger token to add, with which anybody can create pipelines in the
// name of its owner. Zero fields have the value that the comment says.
type TriggerToken struct {
	ID          gitlabci.TriggerID // the next one
	Token       string             // made up
	Description string             // "trigger"
	Username    string             // its owner: "maya"; a name that is new makes a user, who owns every project until AddMember
	ExpiresAt   time.Time          // never; from then on it is refused
}

// AddTriggerToken adds a trigger token to a project, given by its path or ID, and returns
// what was added: t with its defaults. It panics if there is no such project, or if the ID
// or the Token is taken.
func (s *Server) AddTriggerToken(project string, t TriggerToken) *TriggerToken {
	at := s.lock()
	defer s.mu.Unlock()
	owner := s.mustProject("AddTriggerToken", project)
	switch {
	case t.ID < 0 || owner.trigger(int64(t.ID)) != nil:
		misuse("AddTriggerToken: the ID %d is negative or taken", t.ID)
	case t.Token != "" && s.state.triggerByToken(t.Token) != nil:
		misuse("AddTriggerToken: the Token is taken")
	}
	added := &triggerToken{
		id: int64(t.ID), project: owner, token: t.Token, description: cmp.Or(t.Description, "trigger"),
		owner: s.state.ensureUser(cmp.Or(t.Username, defaultUsername)), created: at, updated: at, expires: dbTime(t.ExpiresAt),
	}
	s.state.addTrigger(added)
	return &TriggerToken{ID: gitlabci.TriggerID(added.id), Token: added.token, Description: added.description, Username: added.owner.username, ExpiresAt: t.ExpiresAt}
}

// A triggerToken is a token of a project for pipelines in the name of its owner.
type triggerToken struct {
	id          int64
	project     *project
	owner       *user
	token       string
	description string

	created, updated, used, expires time.Time // the last two can be zero
}

// addTrigger gives a trigger token its place, and an ID and a text unless it has them.
func (s *state) addTrigger(t *triggerToken) {
	t.id = cmp.Or(t.id, s.lastTrigger+1)
	t.token = cmp.Or(t.token, "glptt-"+deriveSHA("trigger token", t.id))
	s.lastTrigger = max(s.lastTrigger, t.id)
	i, _ := slices.BinarySearchFunc(t.project.triggers, t.id, byTriggerID)
	t.project.triggers = slices.Insert(t.project.triggers, i, t)
}

func byTriggerID(t *triggerToken, id int64) int { return cmp.Compare(t.id, id) }

// trigger finds a trigger token by its ID, or returns nil.
func (p *project) trigger(id int64) *triggerToken {
	i, found := slices.BinarySearchFunc(p.triggers, id, byTriggerID)
	if !found {
		return nil
	}
	return p.triggers[i]
}

// triggerByToken finds a trigger token by its text, or returns nil.
func (s *state) triggerByToken(token string) *triggerToken {
	for _, p := range s.projects {
		for _, t := range p.triggers {
			if t.token == token {
				return t
			}
		}
	}
	return nil
}

func triggerPipelineParams() []rack.Param {
	return []rack.Param{
		{Name: "ref", Parse: rack.Filled, Required: true},
		{Name: "token", Parse: rack.Text, Required: true},
		{Name: "variables", Parse: rack.Object},
		{Name: "inputs", Parse: rack.Object, Known: versions.Since(17, 10)},
	}
}

// triggerPipeline creates a pipeline by a trigger token, which is a parameter. GitLab looks
// at no other one.
func triggerPipeline(c *call) *response {
	if c.request.Header.Get("X-Gitlab-Event") == "Pipeline Hook" {
		return forbidden() // or a hook would trigger itself
	}
	variables, ok := c.triggerVariables()
	if !ok {
		return refuse(http.StatusBadRequest, "variables needs to be a map of key-valued strings")
	}
	id := value[string](c, "id")
	owner := cmp.Or(c.state.project(id), c.state.moved[id])
	if owner == nil {
		return notFound("Not Found")
	}
	p := &pipeline{project: owner, ref: value[string](c, "ref"), variables: variables, created: c.now, updated: c.now}
	if refused := c.authenticateTrigger(p, value[string](c, "token")); refused != nil {
		return refused
	}
	if wrong := c.triggerObjection(p); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	p.variables = append(p.variables, c.payloadVariable())
	if wrong := c.state.create(p); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	return created(c.renderer().whole(p))
}

// triggerVariables are the variables of a call in the order of their names. They are not
// ok if one is no text.
func (c *call) triggerVariables() (variables []gitlabci.Variable, ok bool) {
	given := value[rack.Tree](c, "variables")
	for _, key := range slices.Sorted(maps.Keys(given)) {
		text, isText := given[key].(string)
		if !isText {
			return nil, false
		}
		variables = append(variables, gitlabci.Variable{Key: key, Value: text, VariableType: gitlabci.VariableTypeEnvVar})
	}
	return variables, true
}

// authenticateTrigger sets the user of a new pipeline by the token that was sent, or returns the response
// to a token that is not valid for the project.
func (c *call) authenticateTrigger(p *pipeline, token string) *response {
	t, j := c.state.triggerByToken(token), c.state.anyJobByToken(token)
	switch {
	case t != nil && t.project == p.project && (t.expires.IsZero() || c.now.Before(t.expires)):
		p.user, p.source, t.used = t.owner, gitlabci.SourceTrigger, c.now
	case t != nil || j == nil:
		return notFound("Not Found")
	case !j.hasValidToken():
		return refuse(http.StatusUnauthorized, "Job is not running")
	case !p.project.accessOf(j.user).see() || j.pipeline.project != p.project && !p.project.acceptsTokensOf(j.pipeline.project):
		return notFound("Not Found")
	default:
		p.user, p.source, p.upstream = j.user, gitlabci.SourcePipeline, j
	}
	if p.user.blocked {
		return forbidden()
	}
	return nil
}

// triggerObjection is why a pipeline is not created in the name of its user.
func (c *call) triggerObjection(p *pipeline) fieldErrors {
	access := p.project.accessOf(p.user)
	if !access.run() {
		return fieldErrors{"base": {"Insufficient permissions to create a new pipeline"}}
	}
	if wrong := access.objection(p); wrong != nil {
		return wrong
	}
	return c.wrongInputs(p.project)
}

// payloadVariable is the variable with all parameters of a call but the token.
func (c *call) payloadVariable() gitlabci.Variable {
	given := maps.Clone(c.given)
	delete(given, "token")
	return gitlabci.Variable{Key: "TRIGGER_PAYLOAD", Value: string(shape.Encode(given)), VariableType: gitlabci.VariableTypeFile}
}

// onTrigger makes a handler of one that works on a trigger token.
func onTrigger(handle func(*call, *triggerToken) *response) func(*call) *response {
	return inProject(func(c *call, owner *project) *response {
		t := owner.trigger(value[int64](c, "trigger_id"))
		if t == nil {
			return notFound("Not found")
		}
		return handle(c, t)
	})
}

func listTriggers(c *call, owner *project) *response {
	part, header := numberedPage(c, owner.triggers)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderTrigger)}
}

func getTrigger(c *call, t *triggerToken) *response { return ok(c.renderTrigger(t)) }

func createTriggerParams() []rack.Param {
	return []rack.Param{
		{Name: "description", Parse: rack.Text, Required: true},
		{Name: "expires_at", Parse: rack.Moment, Known: versions.Since(17, 10)}, // an estimate
	}
}

func createTrigger(c *call, owner *project) *response {
	t := &triggerToken{
		project: owner, owner: c.user, description: value[string](c, "description"),
		created: c.now, updated: c.now, expires: value[time.Time](c, "expires_at"),
	}
	c.state.addTrigger(t)
	return created(c.renderTrigger(t))
}

// updateTrigger is for the owner of the token alone.
func updateTrigger(c *call, t *triggerToken) *response {
	if t.owner != c.user {
		return deny("The current user is not authorized to update the pipeline trigger token")
	}
	if description := optional[string](c, "description"); description != nil {
		t.description, t.updated = *description, c.now
	}
	return ok(c.renderTrigger(t))
}

func deleteTrigger(c *call, t *triggerToken) *response {
	if refused := c.refuseChanged(t.updated); refused != nil {
		return refused
	}
	t.project.triggers = remove(t.project.triggers, t.id, byTriggerID)
	return noContent()
}

// refuseChanged is the response to a DELETE of what has changed since the client has seen it.
func (c *call) refuseChanged(updated time.Time) *response {
	unless, err := http.ParseTime(c.request.Header.Get("If-Unmodified-Since"))
	if err == nil && updated.After(unless) {
		return refuse(http.StatusPreconditionFailed, "412 Precondition Failed")
	}
	return nil
}

// renderTrigger shows the token to its owner, and its beginning to others.
func (c *call) renderTrigger(t *triggerToken) shape.Trigger {
	token := t.token
	if t.owner != c.user {
		token = token[:min(4, len(token))]
	}
	return shape.Trigger{
		ID: t.id, Token: token, Description: shape.OrNull(strings.TrimSpace(t.description)),
		CreatedAt: shape.Timestamp(t.created), UpdatedAt: shape.Timestamp(t.updated), LastUsed: shape.Timestamp(t.used),
		ExpiresAt: shape.Timestamp(t.expires), Owner: c.renderer().userBasic(t.owner),
	}
}
