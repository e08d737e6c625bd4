package gitlabcitest

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// A Token is an access token to add. Zero fields have the value that the
// comment says.
type Token struct {
	Value    string // what clients send: made up
	Username string // "maya"; the user has to exist

	// OAuth makes it a token of OAuth 2.0, which is sent as a Bearer token or
	// as access_token. Others are personal access tokens, sent in the header
	// PRIVATE-TOKEN, as a Bearer token, as private_token, or as the password
	// of HTTP Basic.
	OAuth bool

	// Scopes are the scopes of the token: "api", "read_api", which allows only reads, and
	// "sudo". Nil is api.
	Scopes []string

	// Permissions make it a fine-grained token, which has them instead of
	// Scopes: words of GitLab's such as "read_job", "retry_pipeline" and
	// "sudo". Nil is a token with Scopes; a list without words permits nothing.
	Permissions []string

	ExpiresAt time.Time // never; from then on it is refused
	Revoked   bool
}

// AddToken adds an access token and returns its Value. It panics if there is
// no such user, if the Value is taken, and if a fine-grained token has Scopes
// or is one of OAuth.
func (s *Server) AddToken(t Token) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Username = cmp.Or(t.Username, defaultUsername)
	u := s.state.findUser(t.Username)
	switch {
	case u == nil:
		misuse("AddToken: there is no user %q; add them with AddUser or AddMember", t.Username)
	case s.state.tokens[t.Value] != nil:
		misuse("AddToken: the Value is taken")
	case t.Permissions != nil && (t.Scopes != nil || t.OAuth):
		misuse("AddToken: a token with Permissions has no Scopes and is not of OAuth")
	}
	added := &token{
		user:        u,
		oauth:       t.OAuth,
		scopes:      slices.Clone(t.Scopes),
		permissions: slices.Clone(t.Permissions),
		fineGrained: t.Permissions != nil,
		expires:     dbTime(t.ExpiresAt),
		revoked:     t.Revoked,
	}
	if t.Scopes == nil {
		added.scopes = []string{scopeAPI}
	}
	return s.state.addToken(t.Value, added)
}

// RevokeToken revokes an access token, also that of [Server.Token]. Later requests with it
// are refused. It panics if there is no such token.
func (s *Server) RevokeToken(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.state.tokens[value]
	if t == nil {
		misuse("RevokeToken: there is no such token")
	}
	t.revoked = true
}

const (
	scopeAPI     = "api"
	scopeReadAPI = "read_api"
	scopeSudo    = "sudo" // which is also a permission
)

// A token is an access token. Tokens of jobs are not kept: see jobByToken.
type token struct {
	user        *user
	oauth       bool
	scopes      []string
	permissions []string // instead of scopes, if it is fine-grained
	fineGrained bool
	expires     time.Time // zero is never
	revoked     bool
}

// addToken keeps a token by its value, or by one made up.
func (s *state) addToken(value string, t *token) string {
	for n := len(s.tokens) + 1; value == ""; n++ {
		if made := defaultToken + "-" + strconv.Itoa(n); s.tokens[made] == nil {
			value = made
		}
	}
	s.tokens[value] = t
	return value
}

// complaint is why the token is no longer good, in GitLab's words, or "".
func (t *token) complaint(now time.Time) string {
	switch {
	case !t.expires.IsZero() && !now.Before(t.expires):
		return "Token is expired. You can either do re-authorization or token refresh."
	case t.revoked:
		return "Token was revoked. You have to re-authorize from the user."
	}
	return ""
}

// has reports whether a fine-grained token has a permission, and no permission
// needs none.
func (t *token) has(permission string) bool {
	return permission == "" || slices.Contains(t.permissions, permission)
}

// inScope reports whether the token may read, or else do anything.
func (t *token) inScope(reads bool) bool {
	return slices.Contains(t.scopes, scopeAPI) || reads && slices.Contains(t.scopes, scopeReadAPI)
}
