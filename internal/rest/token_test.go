package rest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

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
	for _, kind := range testkit.TokenKinds {
		for name, token := range tokenMistakes {
			t.Run(kind.Name+" "+name, func(t *testing.T) {
				s := testkit.NewScript(testkit.OK)
				client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithTransport(s.Network.Transport()), kind.Option(token))
				if kind.Name == "WithTokenSource" { // nobody knows before it is asked
					require.NoError(t, err)
					_, err = client.Pipelines.Create(t.Context(), "group/app", "main", nil)
				} else {
					require.Nil(t, client)
				}
				require.ErrorContains(t, err, kind.Name)
				require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.NotContains(t, err.Error(), "secret")
				require.Empty(t, s.Received())
			})
		}
	}
}

func TestTokensOfTwoKinds(t *testing.T) {
	for _, first := range testkit.TokenKinds {
		for _, second := range testkit.TokenKinds {
			t.Run(first.Name+" "+second.Name, func(t *testing.T) {
				_, err := gitlabci.NewClient(first.Option("glpat-first"), second.Option("glpat-second"))
				require.ErrorContains(t, err, first.Name)
				require.ErrorContains(t, err, second.Name)
				require.NotContains(t, err.Error(), "glpat")
			})
		}
	}
}

func TestTokenHeaders(t *testing.T) {
	for _, kind := range testkit.TokenKinds {
		t.Run(kind.Name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			_, err := s.Anonymous(t, kind.Option(testkit.Token)).Pipelines.Get(t.Context(), "group/app", 42)
			require.NoError(t, err)
			for _, header := range []string{"Private-Token", "Job-Token", "Authorization", "Sudo", "Cookie"} {
				var want []string
				if header == kind.Header {
					want = []string{kind.Prefix + testkit.Token}
				}
				require.Equal(t, want, testkit.OneRequest(t, s).Header.Values(header), header)
			}
		})
	}
}

type tokenKey struct{}

func TestTokenSourceIsCalledForEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var infos []gitlabci.RequestInfo
		source := gitlabci.WithTokenSource(func(ctx context.Context) (string, error) {
			require.Equal(t, "caller's", ctx.Value(tokenKey{}))
			info, ok := gitlabci.RequestInfoFrom(ctx)
			require.True(t, ok)
			infos = append(infos, info)
			return fmt.Sprintf("token-%d", len(infos)), nil
		})
		s := testkit.NewScript(testkit.OK, testkit.Respond(502, ``), testkit.OK)
		client := s.Anonymous(t, source)
		require.Empty(t, infos)
		for range 2 {
			_, err := client.Pipelines.Get(context.WithValue(t.Context(), tokenKey{}, "caller's"), "group/app", 42)
			require.NoError(t, err)
		}
		require.Len(t, s.Received(), 3)
		for i, r := range s.Received() {
			require.Equal(t, fmt.Sprintf("Bearer token-%d", i+1), r.Header.Get("Authorization"))
		}
		endpoint := "/projects/:id/pipelines/:pipeline_id"
		require.Equal(t, []gitlabci.RequestInfo{{Method: "GET", Endpoint: endpoint, Attempt: 1}, {Method: "GET", Endpoint: endpoint, Attempt: 1}, {Method: "GET", Endpoint: endpoint, Attempt: 2}}, infos)
	})
}

func TestTokenSourceFails(t *testing.T) {
	for name, call := range testkit.Calls {
		t.Run(name, func(t *testing.T) {
			asked, failure := 0, errors.New("the vault is sealed")
			s := testkit.NewScript(testkit.OK)
			err := call(t.Context(), s.Anonymous(t, gitlabci.WithTokenSource(func(context.Context) (string, error) {
				asked++
				return "", failure
			})))
			require.ErrorIs(t, err, failure)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.Empty(t, s.Received())
			require.Equal(t, 1, asked)
		})
	}
}

func TestTokenIsRenewed(t *testing.T) {
	for name, call := range testkit.Calls {
		for _, opts := range [][]gitlabci.Option{nil, {gitlabci.WithRetries(0)}, {gitlabci.WithMaxWait(0)}} {
			t.Run(fmt.Sprint(name, " ", len(opts)), func(t *testing.T) {
				asked := 0
				s := testkit.NewScript(testkit.OnlyToken("new"))
				require.NoError(t, call(t.Context(), s.Anonymous(t, append(opts, testkit.TokenSource(&asked, "old", "new"))...)))
				require.Equal(t, 2, asked)
				require.Len(t, s.Received(), 2)
				require.Equal(t, "Bearer old", s.Received()[0].Header.Get("Authorization"))
				require.Equal(t, []string{"Bearer new"}, s.Received()[1].Header.Values("Authorization"))
				require.Equal(t, s.Bodies[0], s.Bodies[1])
				require.Equal(t, s.Received()[0].RequestURI, s.Received()[1].RequestURI)
			})
		}
	}
}

func TestTokenIsRenewedOnce(t *testing.T) {
	for name, call := range testkit.Calls {
		t.Run(name, func(t *testing.T) {
			asked := 0
			s := testkit.NewScript(testkit.OnlyToken("another"))
			err := call(t.Context(), s.Anonymous(t, testkit.TokenSource(&asked, "old", "new", "newer")))
			require.ErrorIs(t, err, gitlabci.ErrUnauthorized)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.Equal(t, 2, asked)
			require.Len(t, s.Received(), 2)
		})
	}
}

// The 401 takes none of the tries away, and gives none.
func TestTokenIsRenewedBesideRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := testkit.NewScript(testkit.Respond(401, ``), testkit.Respond(502, ``), testkit.Respond(502, ``), testkit.Respond(502, ``), testkit.Respond(401, ``))
		_, err := s.Anonymous(t, gitlabci.WithRetries(2), testkit.TokenSource(&asked, "old", "new")).Pipelines.Get(t.Context(), "group/app", 42)
		e, isAPI := errors.AsType[*gitlabci.APIError](err)
		require.True(t, isAPI, "%v", err)
		require.Equal(t, 502, e.StatusCode)
		require.Len(t, s.Received(), 4)
		require.Equal(t, 4, asked)
	})
}

func TestTokenSourceFailsToRenew(t *testing.T) {
	asked, failure := 0, errors.New("the vault is sealed")
	s := testkit.NewScript(testkit.OnlyToken("new"))
	_, err := s.Anonymous(t, gitlabci.WithTokenSource(func(context.Context) (string, error) {
		if asked++; asked > 1 {
			return "", failure
		}
		return "old", nil
	})).Pipelines.Create(t.Context(), "group/app", "main", nil)
	require.ErrorIs(t, err, failure)
	require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "the 401 proves that nothing was done")
	require.Len(t, s.Received(), 1)
	require.Equal(t, 2, asked)
}

func TestFixedTokensAreNotRenewed(t *testing.T) {
	for _, kind := range testkit.TokenKinds[:3] {
		t.Run(kind.Name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OnlyToken("new"))
			_, err := s.Anonymous(t, kind.Option("old")).Pipelines.Get(t.Context(), "group/app", 42)
			require.ErrorIs(t, err, gitlabci.ErrUnauthorized)
			require.Len(t, s.Received(), 1)
		})
	}
	t.Run("none", func(t *testing.T) {
		s := testkit.NewScript(testkit.OnlyToken("new"))
		_, err := s.Anonymous(t).Pipelines.Get(t.Context(), "group/app", 42)
		require.ErrorIs(t, err, gitlabci.ErrUnauthorized)
		require.Len(t, s.Received(), 1)
	})
}
