package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"example.com/gitlabci/internal/rest"
)

// Set creates the variable of v's key and scope, or makes it what v says. It returns the
// variable; see [VariablesService].
//
//	POST /projects/:id/variables
//	PUT /projects/:id/variables/:key
//	POST /groups/:id/variables
//	PUT /groups/:id/variables/:key
//	POST /admin/ci/variables
//	PUT /admin/ci/variables/:key
//
// See https://docs.gitlab.com/api/project_level_variables/#create-a-variable.
// The error matches [ErrInvalid] for what GitLab refuses, [ErrNotFound], [ErrForbidden],
// [errors.ErrUnsupported] if the server cannot select the scope or ignores a field,
// [ErrConflict] if GitLab changed another variable, and [ErrOutcomeUnknown].
func (s *VariablesService) Set(ctx context.Context, owner VariableOwner, v *CIVariable) (*CIVariable, error) {
	if v == nil {
		return nil, rest.Invalidf("PUT "+variablesPath(owner).Template+"/:key", "the variable is nil")
	}
	t := &variableSetter{variableWriter: s.writer(owner, v.Key, &VariableOptions{v.EnvironmentScope}), wanted: *v}
	if err := s.client.wire.Check(ctx, t.update(v)); err != nil {
		return nil, err
	}
	return t.set(ctx)
}

// A variableWriter sets or deletes one variable.
type variableWriter struct {
	*variablePlace
	tries int   // that may have been executed, and the one that follows
	lost  error // of the last try that may have been executed
	races int   // tries that failed because another program had created or deleted the variable
}

func (s *VariablesService) writer(owner VariableOwner, key string, opts *VariableOptions) variableWriter {
	return variableWriter{variablePlace: s.place(owner, key, opts), tries: 1}
}

// A variableSetter sets one variable.
type variableSetter struct {
	variableWriter
	wanted CIVariable
	others map[string]CIVariable // of the key by scope, before the last update that may have been executed
}

// check returns an error for what GitLab would refuse. It does not quote the value.
func (t *variableSetter) check() error {
	value := t.wanted.Value
	switch {
	case t.wanted.Hidden && t.owner == Instance:
		return fmt.Errorf("the variable %s is to be Hidden, which variables of the instance cannot be", t.key)
	case !t.wanted.isMasked(), t.wanted.Hidden && value == "":
		return nil
	case utf8.RuneCountInString(value) < 8 || strings.ContainsFunc(value, unicode.IsSpace):
		return fmt.Errorf("the variable %s is to be masked, and its value has fewer than 8 characters, or white space", t.key)
	}
	return nil
}

func (t *variableSetter) set(ctx context.Context) (*CIVariable, error) {
	for {
		before, all, err := t.find(ctx, t.update(&t.wanted))
		if err != nil {
			return nil, t.readError(ctx, err)
		}
		if err := t.checkOthers(ctx, before, all); err != nil {
			return nil, err
		}
		switch {
		case t.lost != nil && before != nil && t.isApplied(before):
			return before, nil
		case t.tries > t.client.wire.Config().Tries:
			return nil, t.lost
		}
		c := t.create()
		if before != nil {
			c = t.update(before)
		}
		now, err := send[*CIVariable](ctx, t.client, c)
		if err == nil {
			return t.verified(c, before, now)
		}
		if before != nil && errors.Is(err, ErrOutcomeUnknown) {
			t.keepOthers(all)
		}
		if err := t.recover(ctx, c, err); err != nil {
			return nil, t.fail(ctx, err)
		}
	}
}

// keepOthers keeps the other variables of the key, as they were before an update.
func (t *variableSetter) keepOthers(all []*CIVariable) {
	t.others = map[string]CIVariable{}
	for _, v := range all {
		if !t.isOf(v) {
			t.others[v.scope()] = *v
		}
	}
}

// checkOthers returns an error if an update whose response was lost has changed another
// variable of the key, or may have done so. Only a group that has lost the variable does
// that, or a server that cannot select one of several.
func (t *variableSetter) checkOthers(ctx context.Context, now *CIVariable, all []*CIVariable) error {
	_, isGroup := t.owner.(GroupID)
	if t.others == nil || !isGroup && len(t.others) > 0 { // checkSelection has seen the server select
		return nil
	}
	for _, v := range all {
		if before, existed := t.others[v.scope()]; !t.isOf(v) && (!existed || before != *v) && t.mayBeOurs(v) {
			return t.changedAnother(t.update(v), v)
		}
	}
	if !isGroup || now != nil || len(all) == 0 {
		return nil
	}
	c := t.update(&t.wanted) // which can be executed late, and hidden values do not show
	return t.fail(ctx, rest.Errorf("%s %s: %w: the variable %s with the scope %q was deleted meanwhile, and GitLab may have changed the one with another scope instead: check the scopes %s",
		c.Method, c.Path.Escaped, ErrConflict, t.key, t.scope, scopes(all)))
}

// mayBeOurs reports whether a variable can have the value that an update sends. Old servers
// ignore other fields.
func (t *variableSetter) mayBeOurs(v *CIVariable) bool {
	isKept := t.wanted.Hidden && t.wanted.Value == ""
	return v.Hidden || isKept || v.Value == t.wanted.Value
}

// readError returns the error of a call that cannot read the variables.
func (t *variableWriter) readError(ctx context.Context, err error) error {
	if t.lost != nil && ctx.Err() == nil {
		return rest.Errorf("%w (then, reading the variable: %w)", t.lost, err)
	}
	return t.fail(ctx, err)
}

// fail returns the error that ends a call, with that of an earlier try that may have been
// executed.
func (t *variableWriter) fail(ctx context.Context, err error) error {
	switch {
	case t.lost == nil || err == t.lost:
		return err
	case ctx.Err() != nil:
		return cutShort(err, t.lost)
	}
	return rest.Errorf("%w", rest.After(err, t.lost))
}

// recover waits after a failed try, or returns why there must not be another one.
func (t *variableWriter) recover(ctx context.Context, c *rest.Call, err error) error {
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, ErrOutcomeUnknown):
		t.lost = err
		wait := max(min(time.Second<<(t.tries-1), 10*time.Second), retryAfter(err))
		t.tries++
		return t.client.pause(ctx, c, t.tries-1, rest.ReasonRetry, wait, err)
	case !isVariableGone(err) && !isTaken(err):
		return err
	case t.races == 3 && isTaken(err) && t.scope != allEnvironments:
		return rest.Errorf("%w (no variable %s with the scope %q is listed; scopes of groups need GitLab Premium)", err, t.key, t.scope)
	case t.races == 3 && isTaken(err):
		return err
	case t.races == 3:
		return rest.Errorf("%s %s: %w: other programs delete the variable again and again (%v)", c.Method, c.Path.Escaped, ErrConflict, err)
	}
	t.races++
	if t.races == 1 {
		return nil
	}
	return t.client.pause(ctx, c, t.races, rest.ReasonRetry, time.Duration(t.races)*time.Second, err) // a replica of GitLab's database may lag
}

// A variableBody is the JSON of a create or an update.
type variableBody struct {
	Key              string       `json:"key,omitzero"`
	Value            *string      `json:"value,omitzero"`
	VariableType     VariableType `json:"variable_type"`
	Protected        bool         `json:"protected"`
	Masked           bool         `json:"masked"`
	MaskedAndHidden  bool         `json:"masked_and_hidden,omitzero"`
	Raw              bool         `json:"raw"` // always: GitLab's default is not the same everywhere
	EnvironmentScope string       `json:"environment_scope,omitzero"`
	Description      *string      `json:"description,omitzero"`
}

func (t *variableSetter) body() variableBody {
	w := t.wanted
	return variableBody{
		Value: &w.Value, VariableType: cmp.Or(w.VariableType, VariableTypeEnvVar), Protected: w.Protected, Masked: w.isMasked(), Raw: w.Raw,
	}
}

// create describes the request that creates the variable. GitLab refuses it if there is
// one.
func (t *variableSetter) create() *rest.Call {
	body := t.body()
	body.Key, body.MaskedAndHidden = t.key, t.wanted.Hidden
	if t.owner != Instance {
		body.EnvironmentScope = t.scope
	}
	if t.wanted.Description != "" {
		body.Description = &t.wanted.Description
	}
	c := rest.Once(http.MethodPost, variablesPath(t.owner), body)
	c.Secrets = secretLines(t.wanted.Value)
	if t.wanted.Hidden && t.wanted.Value == "" {
		c.Err = fmt.Errorf("the variable %s does not exist, and a hidden one is created with a Value", t.key)
	}
	return c
}

// update describes the request that changes the variable, given what it is before. Its
// scope is not in the body: there, it would be a new one.
func (t *variableSetter) update(before *CIVariable) *rest.Call {
	body := t.body()
	c := rest.Once(http.MethodPut, t.path(), nil)
	c.Query = t.selection()
	c.Secrets = append(secretLines(t.wanted.Value), secretLines(before.Value)...)
	c.Err = cmp.Or(c.Err, t.check())
	switch {
	case t.wanted.Hidden && !before.Hidden:
		c.Err = cmp.Or(c.Err, fmt.Errorf("the variable %s exists and cannot be hidden any more; delete it first", t.key))
	case before.Hidden && !t.wanted.isMasked():
		c.Err = cmp.Or(c.Err, fmt.Errorf("the variable %s is hidden, and cannot be shown again; set Masked, or delete it first", t.key))
	case before.Hidden && t.wanted.Value == "":
		body.Value = nil // stays
	}
	if t.wanted.Description != before.Description {
		body.Description = &t.wanted.Description
	}
	c.Body = body
	return t.checked(c)
}

// isApplied reports whether a variable is as wanted, as far as that shows.
func (t *variableSetter) isApplied(now *CIVariable) bool {
	visible := now.Value
	if now.Hidden {
		visible = "" // and so nobody knows whether it is the wanted one
	}
	return visible == t.wanted.Value && t.ignored(now) == "" && now.Description == t.wanted.Description
}

// ignored returns the parameter that a server has ignored, or "".
func (t *variableSetter) ignored(now *CIVariable) string {
	switch w := t.wanted; {
	case w.Hidden && !now.Hidden:
		return "masked_and_hidden"
	case w.isMasked() != now.Masked:
		return "masked"
	case w.Protected != now.Protected:
		return "protected"
	case w.Raw != now.Raw:
		return "raw"
	case cmp.Or(w.VariableType, VariableTypeEnvVar) != cmp.Or(now.VariableType, VariableTypeEnvVar):
		return "variable_type"
	}
	return ""
}

// verified returns the variable of a response, or an error unless it is the one that was
// meant. A group without the scope, such as one whose variable was deleted just now, updates
// another variable of the key.
func (t *variableSetter) verified(c *rest.Call, before, now *CIVariable) (*CIVariable, error) {
	where := c.Method + " " + c.Path.Escaped
	ignored := t.ignored(now)
	switch {
	case t.isOf(now) && ignored == "":
		return now, nil
	case t.isOf(now):
		return nil, rest.Errorf("%s: %w: the server ignores the parameter %s: the variable %s was set without it", where, errors.ErrUnsupported, ignored, t.key)
	case before == nil:
		return nil, rest.Errorf("%s: %w: the server ignores the parameter environment_scope: it created the variable %s with the scope %q, not %q (scopes of groups need GitLab Premium)",
			where, errors.ErrUnsupported, t.key, now.scope(), t.scope)
	}
	return nil, t.changedAnother(c, now)
}

// changedAnother is the error of an update that has changed another variable.
func (t *variableSetter) changedAnother(c *rest.Call, now *CIVariable) error {
	return rest.Errorf("%s %s: %w: the variable %s with the scope %q was deleted meanwhile, and GitLab has changed the variable %s with the scope %q instead: restore that one",
		c.Method, c.Path.Escaped, ErrConflict, t.key, t.scope, rest.Shorten(now.Key, rest.MaxTitle), now.scope())
}
