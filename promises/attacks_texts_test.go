package promises_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// Errors quote only the status and the code of a storage's response: the rest may have the
// signature of the URL, in some form.
func TestStorageEchoesItsSignature(t *testing.T) {
	const signature = "c2lnbmF0dXJl0123456789"
	bodies := map[string]string{
		"xml":     `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no %s</Message><SignatureProvided>%s</SignatureProvided></Error>`,
		"in xml":  `<Error><Code>%s</Code></Error>%s`,
		"text":    `refused: X-Amz-Signature is %s, not %s`,
		"page":    `<html><title>Signature %s of %s</title></html>`,
		"message": `{"message":"%s","error":"%s"}`,
		"split":   `<title>c2lnbmF0<b>dXJl0123456789</title>%.0s%.0s`,
	}
	for name, body := range bodies {
		for _, status := range []int{200, 400, 403, 404, 502} {
			var log bytes.Buffer
			s := testkit.NewScript(testkit.Respond(302, "", "Location", "https://"+testkit.StorageHost+"/a.zip?X-Amz-Credential=key&X-Amz-Signature="+signature))
			contentType := map[string]string{"page": "text/html", "message": "application/json"}[name]
			s.Network.Handle(testkit.StorageHost, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				testkit.Respond(status, fmt.Sprintf(body, signature, signature), "Content-Type", contentType, "X-Request-Id", "id "+signature)(w, r)
			}))
			client := s.Client(t, gitlabci.WithRetries(0), gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			_, err := client.Artifacts.Archive(t.Context(), "group/app", gitlabci.JobID(9), nil)
			require.Error(t, err)
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), log.String()} {
				require.NotContains(t, strings.ToLower(text), strings.ToLower(signature), "%s, %d", name, status)
				require.NotContains(t, text, "dXJl0123456789")
			}
			require.Equal(t, name == "xml" && status >= 400, strings.Contains(err.Error(), "AccessDenied"), "%s, %d: %v", name, status, err)
		}
	}
}

// A server cannot have the token or a variable's value printed by writing it in
// another way.
func TestSecretsInOtherForms(t *testing.T) {
	const value = "Invented-Value-1"
	opts := &gitlabci.CreatePipelineOptions{Variables: []*gitlabci.Variable{{Key: "A", Value: value}}}
	for _, of := range []string{testkit.Token, value} {
		for _, form := range []string{strings.ToUpper(of), strings.ToLower(of), of[:5] + "<b>" + of[5:], of[:5] + "\n" + of[5:], of[:5] + "\x1b" + of[5:]} {
			for contentType, body := range map[string]string{
				"text/html": "<title>" + form + "</title>", "text/plain": form, "application/json": `{"message":{"base":["` + strings.NewReplacer("\n", `\n`, "\x1b", `\u001b`).Replace(form) + `"]}}`,
			} {
				var log bytes.Buffer
				id := strings.NewReplacer("\n", "", "\x1b", "").Replace(form)
				s := testkit.NewScript(testkit.Respond(400, body, "Content-Type", contentType, "X-Request-Id", id))
				client := s.Client(t, gitlabci.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
				_, err := client.Pipelines.Create(t.Context(), "group/app", "main", opts)
				require.ErrorIs(t, err, gitlabci.ErrInvalid)
				for _, text := range []string{err.Error(), log.String()} {
					require.NotContains(t, strings.ToLower(text), strings.ToLower(of[5:]), "%s %q", contentType, form)
				}
			}
		}
	}
}

// The ID of a request is one by its alphabet, or none.
func TestRequestIDsOfAnotherAlphabet(t *testing.T) {
	for id, known := range map[string]bool{
		"01HV3Z2J7B8M9QW0ERTYU1OPAS": true, "4d1f9e0a-2b1c-4f6e-8a9b-0c1d2e3f4a5b": true, "a_b@c": true,
		"a b": false, "a<b": false, "a%0ab": false, "é": false, testkit.Token: false, strings.ToUpper(testkit.Token): false, strings.Repeat("a", 300): false,
	} {
		s := testkit.NewScript(testkit.Respond(404, `{"message":"404 Not found"}`, "X-Request-Id", id))
		err := testkit.Calls["get"](t.Context(), s.Client(t))
		api, isAPI := errors.AsType[*gitlabci.APIError](err)
		require.True(t, isAPI, "%v", err)
		want := map[bool]string{true: id}[known]
		require.Equal(t, want, api.RequestID)
	}
}

// Texts of others cannot forge a line of a log, and cannot control a terminal.
func TestControlCharactersInMessages(t *testing.T) {
	const hostile = "a\\nlevel=ERROR\\u001b[2J\\u0007\\b\\u009b31m\\u202eb\\u2028"
	plain := strings.NewReplacer(`\n`, "\n", `\u001b`, "\x1b", `\u0007`, "\a", `\b`, "\b", `\u009b`, "\u009b", `\u202e`, "\u202e", `\u2028`, "\u2028").Replace(hostile)
	for contentType, body := range map[string]string{"application/json": `{"message":"` + hostile + `"}`, "text/html": "<title>" + plain + "</title>", "text/plain": plain} {
		for _, status := range []int{200, 400, 404, 409, 500} {
			for name, call := range testkit.Calls {
				err := call(t.Context(), testkit.NewScript(testkit.Respond(status, body, "Content-Type", contentType)).Client(t, gitlabci.WithRetries(0)))
				if err == nil {
					continue
				}
				bad := func(r rune) bool { return unicode.IsControl(r) || r == 0x202e || r == 0x2028 }
				require.False(t, strings.ContainsFunc(err.Error(), bad), "%s: %d: %q", name, status, err.Error())
			}
		}
	}
}

// A transport of the caller's may return a response without a body.
func TestTransportsWithoutABody(t *testing.T) {
	for _, status := range []int{200, 201, 204, 304, 404, 500} {
		for _, length := range []int64{0, -1, -7, 5} {
			client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, ContentLength: length}, nil
			})))
			require.NoError(t, err)
			for name, call := range testkit.Calls {
				require.NotPanics(t, func() { _ = call(t.Context(), client) }, name)
			}
			require.NotPanics(t, func() {
				if file, err := client.Artifacts.Open(t.Context(), "group/app", gitlabci.JobID(9), nil); err == nil {
					_, _ = io.Copy(io.Discard, file)
				}
				if log, err := client.Jobs.Log(t.Context(), "group/app", 9); err == nil {
					_, _ = io.Copy(io.Discard, log)
				}
				req := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/projects/7"}}
				if resp, err := client.Do(req.WithContext(t.Context())); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
				}
			})
		}
	}
}

// An oddBody reads in a way that no reader should.
type oddBody struct{ n func(p []byte) int }

func (b oddBody) Read(p []byte) (int, error) { return b.n(p), nil }
func (oddBody) Close() error                 { return nil }

// A body that never returns bytes, or counts them wrongly, causes no hang and no panic,
// either.
func TestTransportsWithOddBodies(t *testing.T) {
	for name, n := range map[string]func(p []byte) int{
		"nothing for ever": func([]byte) int { return 0 }, "a negative count": func([]byte) int { return -1 }, "more than there is room for": func(p []byte) int { return len(p) + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, status := range []int{200, 404} {
					client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
						return &http.Response{StatusCode: status, ContentLength: -1, Body: oddBody{n}}, nil
					})))
					require.NoError(t, err)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					for name, call := range testkit.Calls {
						require.Error(t, call(ctx, client), name)
					}
					_, err = client.Artifacts.Download(ctx, "group/app", gitlabci.JobID(9), io.Discard, nil)
					require.Error(t, err)
					if log, err := client.Jobs.Log(ctx, "group/app", 9); err == nil {
						_, err = io.Copy(io.Discard, log)
						require.Error(t, err)
					}
					cancel()
				}
			})
		})
	}
}

// A body that is there when the context ends is not decoded for seconds.
func TestLargeBodiesStopWithTheContext(t *testing.T) {
	body := `{"id":7` + strings.Repeat(`,"another name":1`, 200_000) + `}`
	for _, name := range []string{"get", "create"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("enough")
		client, err := gitlabci.NewClient(gitlabci.WithRetries(3), gitlabci.WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			end := func() (int, error) { cancel(cause); return 0, io.EOF }
			whole := io.MultiReader(strings.NewReader(body), readFunc(end))
			return &http.Response{StatusCode: 200, ContentLength: -1, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(whole), Request: r}, nil
		})))
		require.NoError(t, err)
		err = testkit.Calls[name](ctx, client)
		require.ErrorIs(t, err, context.Canceled, name)
		require.ErrorIs(t, err, cause, name)
		require.Equal(t, name == "create", errors.Is(err, gitlabci.ErrOutcomeUnknown), "%v", err)
	}
}

// A readFunc is a reader that ignores its buffer.
type readFunc func() (int, error)

func (f readFunc) Read([]byte) (int, error) { return f() }
