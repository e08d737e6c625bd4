package gitlabcitest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/rack"
)

// A sender is who sent a request, by the token in it.
type sender struct {
	user  *user  // nil without a token
	token *token // their access token, if it is not a job's
	job   *job   // whose token it is, if it is a job's
}

// identify finds the sender of a request, or the user that they act as. Without a token, it
// is nobody.
func (s *Server) identify(r *http.Request, given rack.Tree, to *route) (sender, *response) {
	if to.open {
		return sender{}, nil
	}
	from, refused := s.authenticate(r, given, to)
	if refused != nil {
		return sender{}, refused
	}
	if from.user != nil && from.user.blocked {
		return sender{}, deny("Your account has been blocked.")
	}
	if name := cmp.Or(textOf(given, "sudo"), r.Header.Get("Sudo")); name != "" {
		return s.sudo(from, name, r.Method, to)
	}
	return from, from.token.refusal(r.Method, to)
}

// authenticate finds the owner of the token that was sent. The token of a job is accepted
// only by some routes, and ignored by others. A route about the job itself accepts it as a
// Bearer token, too.
func (s *Server) authenticate(r *http.Request, given rack.Tree, to *route) (sender, *response) {
	if j := s.state.jobByToken(bearer(r.Header)); j != nil && to.segments[0] == "job" {
		return sender{user: j.user, job: j}, nil
	}
	t, sent := s.accessToken(r, given)
	switch {
	case t != nil:
		if complaint := t.complaint(s.clock.now()); complaint != "" {
			return sender{}, invalidToken(complaint)
		}
		return sender{user: t.user, token: t}, nil
	case sent:
		return sender{}, unauthorized()
	}
	ofJob := cmp.Or(textOf(given, "job_token"), r.Header.Get("Job-Token"))
	if ofJob == "" || !to.jobToken {
		return sender{}, nil
	}
	j := s.state.jobByToken(ofJob)
	if j == nil {
		return sender{}, unauthorized()
	}
	return sender{user: j.user, job: j}, nil
}

// accessToken finds the access token that was sent, and reports whether any
// was. If there are several, the first one counts, except that an OAuth token precedes all
// others: since access_token can only be an OAuth token, it is searched separately.
func (s *Server) accessToken(r *http.Request, given rack.Tree) (t *token, sent bool) {
	ofOAuth := cmp.Or(bearer(r.Header), textOf(given, "access_token"))
	if t := s.state.tokens[ofOAuth]; t != nil && t.oauth {
		return t, true
	}
	_, password, _ := r.BasicAuth()
	value := cmp.Or(r.Header.Get("Private-Token"), textOf(given, "private_token"), bearer(r.Header), password)
	if t := s.state.tokens[value]; t != nil && !t.oauth {
		return t, true
	}
	return nil, value != "" || ofOAuth != "" || r.Header.Get("Authorization") != ""
}

// bearer is the token of an Authorization header.
func bearer(header http.Header) string {
	scheme, rest, _ := strings.Cut(header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return rest
}

// textOf is a parameter that every route has, or "".
func textOf(given rack.Tree, name string) string {
	v, _ := rack.Text(given[name])
	word, _ := v.(string)
	return word
}

// sudo lets an administrator act as another user, whom the token has to
// have the scope sudo for, in place of the usual one.
func (s *Server) sudo(from sender, name, method string, to *route) (sender, *response) {
	switch {
	case from.user == nil:
		return sender{}, unauthorized()
	case !from.user.admin:
		return sender{}, deny("Must be admin to use sudo")
	case from.token == nil:
		return sender{}, deny("Must be authenticated using an OAuth or personal access token to use sudo")
	case from.token.fineGrained && !from.token.has(scopeSudo):
		return sender{}, lacksPermission("instance", scopeSudo)
	case !from.token.fineGrained && !slices.Contains(from.token.scopes, scopeSudo):
		return sender{}, lacksScope(scopeSudo)
	}
	u := s.state.userNamed(name)
	switch {
	case u == nil:
		return sender{}, notFound(fmt.Sprintf("User with ID or username '%s' Not Found", name))
	case u == from.user || from.token.fineGrained:
		return from.as(u), from.token.refusal(method, to)
	}
	return from.as(u), nil
}

func (from sender) as(u *user) sender {
	from.user = u
	return from
}

// refusal is why the token is not sufficient for a route, or nil. A missing token is not
// refused here.
func (t *token) refusal(method string, to *route) *response {
	switch {
	case t == nil:
		return nil
	case t.fineGrained && !t.has(to.demand.permission):
		return lacksPermission(to.boundary(), to.demand.permission)
	case !t.fineGrained && !t.inScope(method == http.MethodGet || method == http.MethodHead || to == graphQLRoute):
		return lacksScope(scopeAPI + " " + scopeReadAPI)
	}
	return nil
}

// boundary is what the permissions for a route are about.
func (r *route) boundary() string {
	switch {
	case r.segments[0] == "version" || r.segments[0] == "metadata" || r.segments[0] == "admin":
		return "instance"
	case r.segments[0] == "groups":
		return "group"
	case r.segments[0] == "projects" && len(r.segments) > 1:
		return "project"
	}
	return "user"
}

func deny(reason string) *response {
	return refuse(http.StatusForbidden, "403 Forbidden - "+reason)
}

// invalidToken responds to a token that was good once, as OAuth 2.0 does.
func invalidToken(complaint string) *response {
	return &response{
		status: http.StatusUnauthorized,
		header: http.Header{"Www-Authenticate": {fmt.Sprintf(
			`Bearer realm="The API", error="invalid_token", error_description=%q`, complaint)}},
		body: map[string]any{"error": "invalid_token", "error_description": complaint},
	}
}

func lacksScope(scope string) *response {
	return &response{status: http.StatusForbidden, body: map[string]any{
		"error":             "insufficient_scope",
		"error_description": "The request requires higher privileges than provided by the access token.",
		"scope":             scope,
	}}
}

func lacksPermission(boundary, permission string) *response {
	return &response{status: http.StatusForbidden, body: map[string]any{
		"error": "insufficient_granular_scope",
		"error_description": fmt.Sprintf("Access denied: This operation requires a fine-grained personal access token "+
			"with the following %s permissions: [%s].", boundary, permission),
	}}
}
