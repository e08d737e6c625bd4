package gitlabci_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// tokenKinds are the options that give a token, and where it travels.
var tokenKinds = []struct {
	name, header, prefix string
	option               func(token string) gitlabci.Option
}{
	{"WithToken", "Private-Token", "", gitlabci.WithToken},
	{"WithJobToken", "Job-Token", "", gitlabci.WithJobToken},
	{"WithOAuthToken", "Authorization", "Bearer ", gitlabci.WithOAuthToken},
	{"WithTokenSource", "Authorization", "Bearer ", func(token string) gitlabci.Option {
		return gitlabci.WithTokenSource(func(context.Context) (string, error) { return token, nil })
	}},
}

// tokenMistakes are what ends up in a variable instead of a token.
var tokenMistakes = map[string]string{
	"empty":              "",
	"newline after":      "glpat-secret\n",
	"return after":       "glpat-secret\r\n",
	"space before":       " glpat-secret",
	"space within":       "glpat-secret glpat-second",
	"tab":                "glpat-secret\t",
	"NUL":                "glpat-secret\x00",
	"header after":       "glpat-secret\r\nSudo: root",
	"byte order mark":    "\ufeffglpat-secret",
	"non-breaking space": "glpat-secret\u00a0",
	"DEL":                "glpat-secret\x7f",
}

func TestTokenMistakes(t *testing.T) {
	for _, kind := range tokenKinds {
		for name, token := range tokenMistakes {
			t.Run(kind.name+" "+name, func(t *testing.T) {
				s := newScript(ok)
				client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+scriptHost), gitlabci.WithTransport(s.network.Transport()), kind.option(token))
				if kind.name == "WithTokenSource" { // nobody knows before it is asked
					require.NoError(t, err)
					_, err = client.Pipelines.Create(t.Context(), "group/app", "main", nil)
				} else {
					require.Nil(t, client)
				}
				require.ErrorContains(t, err, kind.name)
				require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.NotContains(t, err.Error(), "secret")
				require.Empty(t, s.received())
			})
		}
	}
}

func TestTokensOfTwoKinds(t *testing.T) {
	for _, first := range tokenKinds {
		for _, second := range tokenKinds {
			t.Run(first.name+" "+second.name, func(t *testing.T) {
				_, err := gitlabci.NewClient(first.option("glpat-first"), second.option("glpat-second"))
				require.ErrorContains(t, err, first.name)
				require.ErrorContains(t, err, second.name)
				require.NotContains(t, err.Error(), "glpat")
			})
		}
	}
}

func TestTokenHeaders(t *testing.T) {
	for _, kind := range tokenKinds {
		t.Run(kind.name, func(t *testing.T) {
			s := newScript(ok)
			_, err := s.anonymous(t, kind.option(scriptToken)).Pipelines.Get(t.Context(), "group/app", 42)
			require.NoError(t, err)
			for _, header := range []string{"Private-Token", "Job-Token", "Authorization", "Sudo", "Cookie"} {
				var want []string
				if header == kind.header {
					want = []string{kind.prefix + scriptToken}
				}
				require.Equal(t, want, wireOne(t, s).Header.Values(header), header)
			}
		})
	}
}

type tokenKey struct{}

func TestTokenSourceIsAskedPerRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var infos []gitlabci.RequestInfo
		source := gitlabci.WithTokenSource(func(ctx context.Context) (string, error) {
			require.Equal(t, "caller's", ctx.Value(tokenKey{}))
			info, ok := gitlabci.RequestInfoFrom(ctx)
			require.True(t, ok)
			infos = append(infos, info)
			return fmt.Sprintf("token-%d", len(infos)), nil
		})
		s := newScript(ok, answer(502, ``), ok)
		client := s.anonymous(t, source)
		require.Empty(t, infos)
		for range 2 {
			_, err := client.Pipelines.Get(context.WithValue(t.Context(), tokenKey{}, "caller's"), "group/app", 42)
			require.NoError(t, err)
		}
		require.Len(t, s.received(), 3)
		for i, r := range s.received() {
			require.Equal(t, fmt.Sprintf("Bearer token-%d", i+1), r.Header.Get("Authorization"))
		}
		endpoint := "/projects/:id/pipelines/:pipeline_id"
		require.Equal(t, []gitlabci.RequestInfo{{"GET", endpoint, 1}, {"GET", endpoint, 1}, {"GET", endpoint, 2}}, infos)
	})
}

func TestTokenSourceFails(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			asked, failure := 0, errors.New("the vault is sealed")
			s := newScript(ok)
			err := call(t.Context(), s.anonymous(t, gitlabci.WithTokenSource(func(context.Context) (string, error) {
				asked++
				return "", failure
			})))
			require.ErrorIs(t, err, failure)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.Empty(t, s.received())
			require.Equal(t, 1, asked)
		})
	}
}

// tokenSources gives the tokens in order, the last one for a while, and counts.
func tokenSources(asked *int, tokens ...string) gitlabci.Option {
	return gitlabci.WithTokenSource(func(context.Context) (string, error) {
		if *asked++; *asked > 50 {
			return "", errors.New("it is asked again and again")
		}
		return tokens[min(*asked, len(tokens))-1], nil
	})
}

// tokenGuard lets only one token in.
func tokenGuard(token string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_token","error_description":"Token is expired."}`)
			return
		}
		ok(w, r)
	}
}

func TestTokenIsRenewed(t *testing.T) {
	for name, call := range calls {
		for _, opts := range [][]gitlabci.Option{nil, {gitlabci.WithRetries(0)}, {gitlabci.WithMaxWait(0)}} {
			t.Run(fmt.Sprint(name, " ", len(opts)), func(t *testing.T) {
				asked := 0
				s := newScript(tokenGuard("new"))
				require.NoError(t, call(t.Context(), s.anonymous(t, append(opts, tokenSources(&asked, "old", "new"))...)))
				require.Equal(t, 2, asked)
				require.Len(t, s.received(), 2)
				require.Equal(t, "Bearer old", s.received()[0].Header.Get("Authorization"))
				require.Equal(t, []string{"Bearer new"}, s.received()[1].Header.Values("Authorization"))
				require.Equal(t, s.bodies[0], s.bodies[1])
				require.Equal(t, s.received()[0].RequestURI, s.received()[1].RequestURI)
			})
		}
	}
}

func TestTokenIsRenewedOnce(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			asked := 0
			s := newScript(tokenGuard("another"))
			err := call(t.Context(), s.anonymous(t, tokenSources(&asked, "old", "new", "newer")))
			require.ErrorIs(t, err, gitlabci.ErrUnauthorized)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.Equal(t, 2, asked)
			require.Len(t, s.received(), 2)
		})
	}
}

// The 401 takes none of the tries away, and gives none.
func TestTokenIsRenewedBesideRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := newScript(answer(401, ``), answer(502, ``), answer(502, ``), answer(502, ``), answer(401, ``))
		_, err := s.anonymous(t, gitlabci.WithRetries(2), tokenSources(&asked, "old", "new")).Pipelines.Get(t.Context(), "group/app", 42)
		e, isAPI := errors.AsType[*gitlabci.APIError](err)
		require.True(t, isAPI, "%v", err)
		require.Equal(t, 502, e.StatusCode)
		require.Len(t, s.received(), 4)
		require.Equal(t, 4, asked)
	})
}

func TestTokenSourceFailsToRenew(t *testing.T) {
	asked, failure := 0, errors.New("the vault is sealed")
	s := newScript(tokenGuard("new"))
	_, err := s.anonymous(t, gitlabci.WithTokenSource(func(context.Context) (string, error) {
		if asked++; asked > 1 {
			return "", failure
		}
		return "old", nil
	})).Pipelines.Create(t.Context(), "group/app", "main", nil)
	require.ErrorIs(t, err, failure)
	require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "the 401 proves that nothing was done")
	require.Len(t, s.received(), 1)
	require.Equal(t, 2, asked)
}

func TestFixedTokensAreNotRenewed(t *testing.T) {
	for _, kind := range tokenKinds[:3] {
		t.Run(kind.name, func(t *testing.T) {
			s := newScript(tokenGuard("new"))
			_, err := s.anonymous(t, kind.option("old")).Pipelines.Get(t.Context(), "group/app", 42)
			require.ErrorIs(t, err, gitlabci.ErrUnauthorized)
			require.Len(t, s.received(), 1)
		})
	}
	t.Run("none", func(t *testing.T) {
		s := newScript(tokenGuard("new"))
		_, err := s.anonymous(t).Pipelines.Get(t.Context(), "group/app", 42)
		require.ErrorIs(t, err, gitlabci.ErrUnauthorized)
		require.Len(t, s.received(), 1)
	})
}
