package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"example.com/gitlabci/internal/rest"
)

// VariablesService reads and sets the CI/CD variables of projects, groups and the instance.
// It is [Client.Variables]. The variables of one pipeline are [PipelinesService.Variables].
//
// A key and an environment scope identify a variable: a project or a group can have the same
// key several times, with different scopes. The scope "*" is all environments, and "" means
// the same. Servers before GitLab 16.9 cannot select one of several scopes of a key; Set and
// Delete then change nothing, and return an error.
//
// Set sets all fields of a variable, not only the value: to change one field, change it in
// the result of Get, and pass that to Set. If a hidden variable is set without a value, it
// keeps its old one. Set lists the variables first. If a response is lost, or another program
// creates or deletes the variable meanwhile, Set lists them again and continues.
//
// If another program deletes the variable between the last read and the write, GitLab can
// change another variable of that key. In groups, all servers can update another one. Servers
// before GitLab 16.9 update or delete the only one that is left, if another program has created
// it since that read. Set then returns an error that matches [ErrConflict], also if the response
// is lost; it names the variable, or those that it may be. Delete cannot detect this.
//
// The token needs the role Maintainer for variables of a project, Owner for those of a group,
// and an administrator's rights for those of the instance. Scopes in groups need GitLab
// Premium. Job tokens cannot use variables. Errors and logs do not contain values.
//
// See https://docs.gitlab.com/api/project_level_variables/,
// https://docs.gitlab.com/api/group_level_variables/ and
// https://docs.gitlab.com/api/instance_level_ci_variables/.
type VariablesService struct{ client *Client }

// A VariableOwner is what has CI/CD variables: a [ProjectID], a [GroupID] or [Instance].
type VariableOwner interface{ variables() []any }

// Instance is the GitLab server as the owner of variables. The jobs of all projects have
// these variables. They have no environment scopes.
var Instance VariableOwner = instance{}

type instance struct{}

func (id ProjectID) variables() []any { return []any{"projects", id, "variables"} }
func (id GroupID) variables() []any   { return []any{"groups", id, "variables"} }
func (instance) variables() []any     { return []any{"admin", "ci", "variables"} }

// allEnvironments is the scope of all environments.
const allEnvironments = "*"

// A CIVariable is a CI/CD variable. Printing it, or logging it by log/slog, does not show
// its Value; encoding/json writes it.
type CIVariable struct {
	Key          string       `json:"key"`   // at most 255 letters, digits and "_"
	Value        string       `json:"value"` // "" if it is Hidden
	VariableType VariableType `json:"variable_type,omitzero"`
	Protected    bool         `json:"protected"` // only for jobs of protected branches and tags
	Masked       bool         `json:"masked"`    // in logs

	// Hidden means that nobody can read the Value again, and that it is Masked. It can
	// only be set when the variable is created, from GitLab 17.4.
	Hidden bool `json:"hidden"`

	Raw              bool   `json:"raw"`                        // whether $ in Value is left alone; from GitLab 15.7
	EnvironmentScope string `json:"environment_scope,omitzero"` // "" is "*"
	Description      string `json:"description,omitzero"`       // from GitLab 16.2; older servers ignore it
}

func (v *CIVariable) scope() string { return cmp.Or(v.EnvironmentScope, allEnvironments) }

// isMasked reports whether the value is masked in logs.
func (v *CIVariable) isMasked() bool { return v.Masked || v.Hidden }

// ListVariablesOptions choose a page of variables. Nil is the first one.
type ListVariablesOptions struct{ ListOptions }

// List returns one page of the variables of a project, a group or the instance.
//
//	GET /projects/:id/variables
//	GET /groups/:id/variables
//	GET /admin/ci/variables
//
// See https://docs.gitlab.com/api/project_level_variables/#list-project-variables.
// The error matches [ErrNotFound] if the owner does not exist or the token may not see it,
// and [ErrForbidden] if the token lacks the role; see [VariablesService].
func (s *VariablesService) List(ctx context.Context, owner VariableOwner, opts *ListVariablesOptions) (*Page[CIVariable], error) {
	return list(ctx, pagesAt[*CIVariable](s.client, variablesPath(owner)), opts)
}

// All ranges over the variables of a project, a group or the instance, in no particular order.
//
//	GET /projects/:id/variables
//	GET /groups/:id/variables
//	GET /admin/ci/variables
//
// See https://docs.gitlab.com/api/project_level_variables/#list-project-variables.
// It requests the pages of [VariablesService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError]. Pages are numbered: no variable is yielded twice. If some are deleted during
// the loop, as many others can be missed.
func (s *VariablesService) All(ctx context.Context, owner VariableOwner, opts *ListVariablesOptions) iter.Seq2[*CIVariable, error] {
	return all(ctx, s.client, pagesAt[*CIVariable](s.client, variablesPath(owner)), opts)
}

// VariableOptions select one of the variables of a key. Nil selects the scope "*".
type VariableOptions struct {
	Scope string // the environment scope, exactly as the variable has it; "" is "*"
}

// Get returns the variable with a key and a scope.
//
//	GET /projects/:id/variables/:key
//	GET /groups/:id/variables/:key
//	GET /admin/ci/variables/:key
//
// See https://docs.gitlab.com/api/project_level_variables/#get-a-single-variable.
// The error matches [ErrNotFound] if there is no variable of the key with this scope, even
// if there is one with another scope, and [ErrForbidden] if the token lacks the role. On
// servers before GitLab 16.9, which cannot select a scope, Get also reads the list.
func (s *VariablesService) Get(ctx context.Context, owner VariableOwner, key string, opts *VariableOptions) (*CIVariable, error) {
	p := s.place(owner, key, opts)
	read := rest.Read(p.path(), p.selection())
	v, err := send[*CIVariable](ctx, s.client, p.checked(read))
	switch {
	case err == nil && v.Key != key:
		return nil, rest.Errorf("%s: %w: it has another key", read.Endpoint(), rest.ErrOther)
	case err == nil && p.isOf(v), err != nil && !isAmbiguous(err):
		return v, err
	}
	all, err := p.list(ctx)
	if err != nil {
		return nil, err
	}
	v = p.pick(all)
	if v == nil {
		return nil, p.notFound(read, all)
	}
	return v, nil
}

// Delete deletes the variable with a key and a scope.
//
//	DELETE /projects/:id/variables/:key
//	DELETE /groups/:id/variables/:key
//	DELETE /admin/ci/variables/:key
//
// See https://docs.gitlab.com/api/project_level_variables/#delete-a-variable.
// It lists the variables first, and again if a response is lost. See [VariablesService] for
// servers before GitLab 16.9.
// The error matches [ErrNotFound] if there is no variable of the key with this scope,
// [ErrForbidden] if the token lacks the role, [ErrOutcomeUnknown] if responses were lost and
// the variable may still exist, and [errors.ErrUnsupported] if the server cannot select the
// scope.
func (s *VariablesService) Delete(ctx context.Context, owner VariableOwner, key string, opts *VariableOptions) error {
	w := s.writer(owner, key, opts)
	c := w.checked(rest.Once(http.MethodDelete, w.path(), nil))
	c.Query = w.selection()
	if err := s.client.wire.Check(ctx, c); err != nil {
		return err
	}
	return w.delete(ctx, c)
}

// delete makes the call that deletes the variable. It reads again before it repeats the
// call: an old server would take a variable that was created meanwhile.
func (t *variableWriter) delete(ctx context.Context, c *rest.Call) error {
	for {
		v, all, err := t.find(ctx, c)
		switch {
		case err != nil:
			return t.readError(ctx, err)
		case v == nil && t.lost == nil:
			return t.notFound(c, all)
		case v == nil:
			return nil
		case t.tries > t.client.wire.Config().Tries:
			return t.lost
		}
		c.Secrets = secretLines(v.Value)
		err = t.client.wire.Discard(ctx, c)
		e, responded := errors.AsType[*APIError](err)
		switch isGone := responded && e.gone(); {
		case err == nil, isGone && t.lost != nil:
			return nil
		case isGone:
			return err
		}
		if err := t.recover(ctx, c, err); err != nil {
			return t.fail(ctx, err)
		}
	}
}

// variablesPath is the path of the list of an owner's variables.
func variablesPath(owner VariableOwner) rest.Path {
	if owner == nil {
		return rest.Path{Template: "/variables", Err: errors.New("the owner of the variables is nil; give a ProjectID, a GroupID or Instance")}
	}
	return at(owner.variables()...)
}

// A variablePlace is where a variable is, or would be.
type variablePlace struct {
	client     *Client
	owner      VariableOwner
	key, scope string
}

func (s *VariablesService) place(owner VariableOwner, key string, opts *VariableOptions) *variablePlace {
	return &variablePlace{s.client, owner, key, cmp.Or(cmp.Or(opts, &VariableOptions{}).Scope, allEnvironments)}
}

func (p *variablePlace) path() rest.Path {
	if p.owner == nil {
		return variablesPath(nil)
	}
	return at(append(p.owner.variables(), variableKey(p.key))...)
}

// checked returns the call of the place, with an error if the owner cannot have a variable
// with the scope.
func (p *variablePlace) checked(c *rest.Call) *rest.Call {
	if p.owner == Instance && p.scope != allEnvironments {
		c.Err = cmp.Or(c.Err, fmt.Errorf("the environment scope %q: variables of the instance have none", p.scope))
	}
	return c
}

// selection is the query that selects the scope.
func (p *variablePlace) selection() url.Values { return p.selectionOf(p.scope) }

func (p *variablePlace) selectionOf(scope string) url.Values {
	if p.owner == Instance {
		return nil
	}
	return url.Values{"filter[environment_scope]": {scope}}
}

// isOf reports whether a variable is that of the place.
func (p *variablePlace) isOf(v *CIVariable) bool { return v.Key == p.key && v.scope() == p.scope }

// list returns the variables of the key, in any scope.
func (p *variablePlace) list(ctx context.Context) (found []*CIVariable, err error) {
	path := variablesPath(p.owner)
	for v, err := range bounded(path.Escaped, all(ctx, p.client, pagesAt[*CIVariable](p.client, path), (*ListVariablesOptions)(nil))) {
		if err != nil {
			return nil, err
		}
		if v.Key == p.key {
			found = append(found, v)
		}
	}
	return found, nil
}

// pick returns the variable of the place from a list, or nil.
func (p *variablePlace) pick(all []*CIVariable) *CIVariable {
	if i := slices.IndexFunc(all, p.isOf); i >= 0 {
		return all[i]
	}
	return nil
}

// find returns the variable of the place, or nil, and all variables of its key. The error says
// that the server could mistake another variable for it, when c is executed.
func (p *variablePlace) find(ctx context.Context, c *rest.Call) (v *CIVariable, all []*CIVariable, err error) {
	for range 3 { // others can delete variables between two reads
		if all, err = p.list(ctx); err != nil {
			return nil, nil, err
		}
		v = p.pick(all)
		if v == nil {
			return nil, all, nil
		}
		if err = p.checkSelection(ctx, c, all); !isVariableGone(err) {
			break
		}
	}
	return v, all, err
}

// checkSelection returns an error unless the server selects variables of the key by their
// scope. Servers before GitLab 16.9 ignore the scope: they refuse to choose among several, or
// take any. So if there are several, two are read.
func (p *variablePlace) checkSelection(ctx context.Context, c *rest.Call, all []*CIVariable) error {
	i := slices.IndexFunc(all, func(v *CIVariable) bool { return !p.isOf(v) })
	if i < 0 {
		return nil
	}
	for _, scope := range []string{all[i].scope(), p.scope} {
		v, err := send[*CIVariable](ctx, p.client, rest.Read(p.path(), p.selectionOf(scope)))
		switch {
		case isAmbiguous(err), err == nil && (v.Key != p.key || v.scope() != scope):
			return rest.NotSent(rest.Errorf("%s %s: %w: the variable has the scopes %s, of which the server cannot select one, as GitLab 16.9 does; nothing was changed",
				c.Method, c.Path.Escaped, errors.ErrUnsupported, scopes(all)))
		case err != nil:
			return err
		}
	}
	return nil
}

// notFound is the error of a call about a variable that does not exist. It names the scopes
// in which there is one.
func (p *variablePlace) notFound(c *rest.Call, all []*CIVariable) error {
	if len(all) == 0 {
		return rest.Errorf("%s %s: %w: there is no variable of this key", c.Method, c.Path.Escaped, ErrNotFound)
	}
	return rest.Errorf("%s %s: %w: the variable has the scopes %s, and not %q", c.Method, c.Path.Escaped, ErrNotFound, scopes(all), p.scope)
}

// scopes names the scopes of variables.
func scopes(all []*CIVariable) string {
	var names []string
	for _, v := range all {
		names = append(names, fmt.Sprintf("%q", rest.Shorten(v.scope(), rest.MaxTitle)))
	}
	slices.Sort(names)
	return rest.Shorten(strings.Join(names, ", "), rest.MaxTitle)
}

// isAmbiguous reports whether GitLab does not know which variable of a key is meant.
func isAmbiguous(err error) bool {
	e, responded := errors.AsType[*APIError](err)
	return responded && e.Is(ErrConflict) && strings.Contains(e.Message, "multiple variables")
}

// isVariableGone reports whether GitLab does not find a variable, though its owner.
func isVariableGone(err error) bool {
	e, responded := errors.AsType[*APIError](err)
	return responded && e.gone() && strings.Contains(e.Message, "Variable Not Found")
}
