package gitlabcitest

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"unicode/utf8"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A variableSet has the CI/CD variables of a project, a group or the instance.
type variableSet struct {
	all []*gitlabci.CIVariable // in order of their creation
}

// allEnvironments is the scope of all environments.
const allEnvironments = "*"

// of are the variables of a key, with one scope unless that is nil.
func (s *variableSet) of(key string, scope *string) (found []*gitlabci.CIVariable) {
	for _, v := range s.all {
		if v.Key == key && (scope == nil || v.EnvironmentScope == *scope) {
			found = append(found, v)
		}
	}
	return found
}

func (s *variableSet) remove(key, scope string) {
	s.all = slices.DeleteFunc(s.all, func(v *gitlabci.CIVariable) bool { return v.Key == key && v.EnvironmentScope == scope })
}

// A variableOwner is what a request for variables is about.
type variableOwner struct {
	set  *variableSet
	kind string // "", "Group" or "Instance"
}

func (o variableOwner) notFound() *response { return notFound(o.kind + "Variable Not Found") }

// onVariables makes handlers of one that works on the variables of a project, a group and
// the instance.
func onVariables(kind string, handle func(*call, variableOwner) *response) func(*call) *response {
	switch kind {
	case "Group":
		return inGroup(func(c *call, path string) *response {
			return handle(c, variableOwner{c.state.variablesOfGroup(path), kind})
		})
	case "Instance":
		return onInstance(func(c *call) *response { return handle(c, variableOwner{&c.state.variables, kind}) })
	}
	return inProject(func(c *call, p *project) *response { return handle(c, variableOwner{&p.variables, kind}) })
}

func (s *state) variablesOfGroup(path string) *variableSet {
	if s.groupVariables[path] == nil {
		s.groupVariables[path] = &variableSet{}
	}
	return s.groupVariables[path]
}

// variableFilter is what selects one of the variables of a key.
func variableFilter() rack.Param {
	return rack.Param{Name: "filter", Parse: rack.Object, Known: versions.Since(16, 9)}
}

func variableParams(more ...rack.Param) []rack.Param {
	return append(more,
		rack.Param{Name: "variable_type", Parse: rack.OneOf("env_var", "file"), Known: versions.Since(11, 11)},
		rack.Param{Name: "protected", Parse: rack.Boolean},
		rack.Param{Name: "masked", Parse: rack.Boolean, Known: versions.Since(11, 10)},
		rack.Param{Name: "raw", Parse: rack.Boolean, Known: versions.Since(15, 7)},
		rack.Param{Name: "description", Parse: rack.Text, Known: versions.Since(16, 2)},
	)
}

// createVariableParams are those of an owner that is scoped, or of the instance.
func createVariableParams(scoped bool) []rack.Param {
	params := variableParams(rack.Param{Name: "key", Parse: rack.Text, Required: true}, rack.Param{Name: "value", Parse: rack.Text, Required: true})
	if scoped {
		params = append(params, scopeParam(), rack.Param{Name: "masked_and_hidden", Parse: rack.Boolean, Known: versions.Since(17, 4)})
	}
	return params
}

func updateVariableParams(scoped bool) []rack.Param {
	params := variableParams(rack.Param{Name: "value", Parse: rack.Text})
	if scoped {
		params = append(params, scopeParam(), variableFilter())
	}
	return params
}

func scopeParam() rack.Param { return rack.Param{Name: "environment_scope", Parse: rack.Text} }

// scope is the one that a call selects, or nil.
func (c *call) scope() *string {
	text, isText := value[rack.Tree](c, "filter")["environment_scope"].(string)
	if !isText || text == "" {
		return nil
	}
	return &text
}

// variable finds the variable of a call. Without a scope, GitLab refuses to choose among
// several.
func (c *call) variable(owner variableOwner) (*gitlabci.CIVariable, *response) {
	found := owner.set.of(value[string](c, "key"), c.scope())
	switch len(found) {
	case 0:
		return nil, owner.notFound()
	case 1:
		return found[0], nil
	}
	return nil, refuse(http.StatusConflict, "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'")
}

func listCIVariables(c *call, owner variableOwner) *response {
	part, header := numberedPage(c, owner.set.all)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, owner.render)}
}

func getVariable(c *call, owner variableOwner) *response {
	v, refused := c.variable(owner)
	if refused != nil {
		return refused
	}
	return ok(owner.render(v))
}

func createVariable(c *call, owner variableOwner) *response {
	v := &gitlabci.CIVariable{Key: value[string](c, "key"), VariableType: gitlabci.VariableTypeEnvVar, EnvironmentScope: allEnvironments}
	c.fillVariable(v)
	if value[bool](c, "masked_and_hidden") {
		v.Masked, v.Hidden = true, true
	}
	if wrong := owner.set.wrong(v, nil); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	owner.set.all = append(owner.set.all, v)
	return created(owner.render(v))
}

// updateVariable changes a variable. In a group, GitLab takes any one of the key for what
// it does not find.
func updateVariable(c *call, owner variableOwner) *response {
	var before *gitlabci.CIVariable
	var refused *response
	if owner.kind != "Group" || c.scope() != nil {
		before, refused = c.variable(owner)
	}
	if any := owner.set.of(value[string](c, "key"), nil); owner.kind == "Group" && before == nil && len(any) > 0 {
		before = any[0]
	}
	switch {
	case before == nil && refused != nil:
		return refused
	case before == nil:
		return owner.notFound()
	}
	changed := *before
	c.fillVariable(&changed)
	if wrong := owner.set.wrong(&changed, before); wrong != nil {
		return refuse(http.StatusBadRequest, wrong)
	}
	*before = changed
	return ok(owner.render(before))
}

func deleteVariable(c *call, owner variableOwner) *response {
	v, refused := c.variable(owner)
	if refused != nil {
		return refused
	}
	owner.set.remove(v.Key, v.EnvironmentScope)
	return noContent()
}

// fillVariable sets what a call has of a variable.
func (c *call) fillVariable(v *gitlabci.CIVariable) {
	for name, field := range map[string]*string{"value": &v.Value, "environment_scope": &v.EnvironmentScope, "description": &v.Description} {
		if given := optional[string](c, name); given != nil {
			*field = *given
		}
	}
	for name, field := range map[string]*bool{"protected": &v.Protected, "masked": &v.Masked, "raw": &v.Raw} {
		if given := optional[bool](c, name); given != nil {
			*field = *given
		}
	}
	v.VariableType = gitlabci.VariableType(cmp.Or(value[string](c, "variable_type"), string(v.VariableType)))
}

var (
	variableKey = regexp.MustCompile(`^[A-Za-z0-9_]*$`)
	maskable    = regexp.MustCompile(`^[a-zA-Z0-9_+=/@:.~-]{8,}$`)
	rawMaskable = regexp.MustCompile(`^\S{8,}$`)
)

// wrong is why GitLab does not save a variable in place of the one before, or as a new one.
func (s *variableSet) wrong(v, before *gitlabci.CIVariable) fieldErrors {
	found := fieldErrors{}
	allowed := maskable
	if v.Raw {
		allowed = rawMaskable
	}
	switch {
	case v.Key == "":
		found["key"] = []string{"can't be blank"}
	case utf8.RuneCountInString(v.Key) > 255:
		found["key"] = []string{"is too long (maximum is 255 characters)"}
	case !variableKey.MatchString(v.Key):
		found["key"] = []string{"can contain only letters, digits and '_'."}
	case slices.ContainsFunc(s.of(v.Key, &v.EnvironmentScope), func(one *gitlabci.CIVariable) bool { return one != before }):
		found["key"] = []string{fmt.Sprintf("(%s) has already been taken", v.Key)}
	}
	if v.Masked && !allowed.MatchString(v.Value) {
		found["value"] = []string{"is invalid"}
	}
	if utf8.RuneCountInString(v.Description) > 255 {
		found["description"] = []string{"is too long (maximum is 255 characters)"}
	}
	if before != nil && v.Hidden && !v.Masked {
		found["base"] = []string{"Updating masked attribute is not allowed on updates for hidden variables."}
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// render renders a variable, whose value is null if it is hidden.
func (o variableOwner) render(v *gitlabci.CIVariable) shape.CIVariable {
	rendered := shape.CIVariable{
		VariableType: string(v.VariableType), Key: v.Key, Value: new(v.Value), Hidden: v.Hidden, Protected: v.Protected, Masked: v.Masked, Raw: v.Raw,
		EnvironmentScope: new(v.EnvironmentScope), Description: shape.OrNull(v.Description),
	}
	if v.Hidden {
		rendered.Value = nil
	}
	if o.kind == "Instance" {
		rendered.EnvironmentScope = nil
	}
	return rendered
}

// AddVariable adds a CI/CD variable to a project, a group or the instance, in place of the
// one with its key and scope. Its VariableType "" is env_var, and its EnvironmentScope "" is
// "*". It panics if there is no such owner, or if GitLab would refuse the variable.
func (s *Server) AddVariable(owner gitlabci.VariableOwner, v gitlabci.CIVariable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.mustVariables("AddVariable", owner)
	v.VariableType = cmp.Or(v.VariableType, gitlabci.VariableTypeEnvVar)
	v.EnvironmentScope = cmp.Or(v.EnvironmentScope, allEnvironments)
	v.Masked = v.Masked || v.Hidden
	if owner == gitlabci.Instance && (v.Hidden || v.EnvironmentScope != allEnvironments) {
		misuse("AddVariable: a variable of the instance is neither Hidden nor has an EnvironmentScope")
	}
	set.all = slices.DeleteFunc(set.all, func(one *gitlabci.CIVariable) bool {
		return one.Key == v.Key && one.EnvironmentScope == v.EnvironmentScope
	})
	if wrong := set.wrong(&v, nil); wrong != nil {
		misuse("AddVariable: GitLab refuses it: %v", wrong)
	}
	set.all = append(set.all, &v)
}

// RemoveVariable removes the CI/CD variable of a key and a scope, if there is one; "" is the
// scope "*". It panics if there is no such owner.
func (s *Server) RemoveVariable(owner gitlabci.VariableOwner, key, scope string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustVariables("RemoveVariable", owner).remove(key, cmp.Or(scope, allEnvironments))
}

// Variables returns the CI/CD variables of a project, a group or the instance, with the values
// of hidden ones too. It panics if there is no such owner.
func (s *Server) Variables(owner gitlabci.VariableOwner) (all []gitlabci.CIVariable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.mustVariables("Variables", owner).all {
		all = append(all, *v)
	}
	return all
}

func (s *Server) mustVariables(method string, owner gitlabci.VariableOwner) *variableSet {
	switch id := owner.(type) {
	case gitlabci.ProjectID:
		return &s.mustProject(method, string(id)).variables
	case gitlabci.GroupID:
		return s.state.variablesOfGroup(s.mustGroup(method, string(id)))
	}
	if owner != gitlabci.Instance {
		misuse("%s: %v is neither a ProjectID nor a GroupID nor Instance", method, owner)
	}
	return &s.state.variables
}
