package promises_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A keyPipeline is one that the server of these tests has.
type keyPipeline struct {
	ref, source, key string
	created          time.Time
	hidden           int // the status of its variables, if not 200
}

// A keyServer makes pipelines with variables, and knows nothing else of GitLab.
// Its clock is off.
type keyServer struct {
	*testkit.Script

	mu        sync.Mutex
	pipelines []keyPipeline // the ID of the first is 1
	creates   []http.HandlerFunc
	posted    int
	asked     []string
	variables func(looks int) http.HandlerFunc // in place of the variables; nil, or what returns nil, is none
	looks     int
}

const keySkew = -30 * time.Hour

func keyNow() time.Time { return time.Now().Add(keySkew) }

// newKeyServer returns a server whose first create gets the first
// step, and so on; further ones, and a nil step, make a pipeline.
func newKeyServer(creates ...http.HandlerFunc) *keyServer {
	k := &keyServer{creates: creates}
	k.Script = testkit.NewScript(k.serve)
	return k
}

func (k *keyServer) serve(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/v4/projects/group/app/")
	k.asked = append(k.asked, r.Method+" "+path)
	w.Header().Set("Date", keyNow().UTC().Format(http.TimeFormat))
	var id int
	switch {
	case r.Method == http.MethodPost:
		k.post(w, r)
	case path == "pipelines":
		testkit.Respond(200, k.list(r))(w, r)
	case strings.HasSuffix(path, "/variables"):
		fmt.Sscanf(path, "pipelines/%d", &id)
		p := k.pipelines[id-1]
		k.looks++
		if k.variables != nil {
			if step := k.variables(k.looks); step != nil {
				step(w, r)
				return
			}
		}
		if p.hidden != 0 {
			testkit.Respond(p.hidden, `{"message":"it is hidden"}`)(w, r)
			return
		}
		testkit.Respond(200, fmt.Sprintf(`[{"key":"OTHER","value":%q},{"key":"GITLABCI_IDEMPOTENCY_KEY","value":%q}]`, "k1", p.key))(w, r)
	default:
		fmt.Sscanf(path, "pipelines/%d", &id)
		testkit.Respond(200, fmt.Sprintf(`{"id":%d,"name":"found"}`, id))(w, r)
	}
}

// post is a create.
func (k *keyServer) post(w http.ResponseWriter, r *http.Request) {
	k.posted++
	if k.posted <= len(k.creates) && k.creates[k.posted-1] != nil {
		k.creates[k.posted-1](w, r)
		return
	}
	k.add(r)
	testkit.Respond(201, fmt.Sprintf(`{"id":%d}`, len(k.pipelines)))(w, r)
}

// add makes the pipeline that r requests.
func (k *keyServer) add(r *http.Request) {
	var body struct {
		Ref       string
		Variables []gitlabci.Variable
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		panic(err)
	}
	p := keyPipeline{ref: strings.TrimPrefix(body.Ref, "refs/heads/"), source: "api", created: keyNow()}
	for _, v := range body.Variables {
		if v.Key == "GITLABCI_IDEMPOTENCY_KEY" {
			p.key = v.Value
		}
	}
	k.pipelines = append(k.pipelines, p)
}

// lost is a step: the pipeline is made after a while, and the response is lost.
func (k *keyServer) lost(after time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		time.AfterFunc(after, func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.add(r)
		})
		testkit.Reset(w, r)
	}
}

func (k *keyServer) list(r *http.Request) string {
	query := r.URL.Query()
	items := []string{}
	for i := len(k.pipelines) - 1; i >= 0 && fmt.Sprint(len(items)) != query.Get("per_page"); i-- {
		p := k.pipelines[i]
		if p.ref == query.Get("ref") {
			items = append(items, p.row(i+1))
		}
	}
	return "[" + strings.Join(items, ",") + "]"
}

// row is a pipeline in a list. Old servers leave out what it does not have.
func (p keyPipeline) row(id int) string {
	row := fmt.Sprintf(`{"id":%d,"ref":%q`, id, p.ref)
	if p.source != "" {
		row += fmt.Sprintf(`,"source":%q`, p.source)
	}
	if !p.created.IsZero() {
		row += fmt.Sprintf(`,"created_at":%q`, p.created.Format(time.RFC3339))
	}
	return row + "}"
}

func keyed(ctx context.Context, client *gitlabci.Client, key string) (*gitlabci.Pipeline, error) {
	return client.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{IdempotencyKey: key})
}

func TestKeyedCreate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKeyServer()
		client := k.Client(t)
		opts := &gitlabci.CreatePipelineOptions{
			Variables:      []*gitlabci.Variable{{Key: "A", Value: "1"}},
			IdempotencyKey: "k1",
		}
		for range 2 {
			pipeline, err := client.Pipelines.Create(t.Context(), "group/app", "main", opts)
			require.NoError(t, err)
			require.EqualValues(t, 1, pipeline.ID)
		}
		require.Len(t, opts.Variables, 1)
		require.Equal(t, []string{"GET pipelines", "POST pipeline", "GET pipelines", "GET pipelines/1/variables", "GET pipelines/1"}, k.asked)
		require.Equal(t, url.Values{"ref": {"main"}, "per_page": {"100"}}, k.Received()[0].URL.Query())
		require.JSONEq(t, `{"ref":"main","variables":[{"key":"A","value":"1"},{"key":"GITLABCI_IDEMPOTENCY_KEY","value":"k1"}]}`, k.Bodies[1])

		pipeline, err := keyed(t.Context(), client, "k2")
		require.NoError(t, err)
		require.EqualValues(t, 2, pipeline.ID)
		pipeline, err = client.Pipelines.Create(t.Context(), "group/app", "other", opts)
		require.NoError(t, err)
		require.EqualValues(t, 3, pipeline.ID, "another ref is another pipeline")
		pipeline, err = client.Pipelines.Create(t.Context(), "group/app", "refs/heads/main", opts)
		require.NoError(t, err)
		require.EqualValues(t, 1, pipeline.ID, "the same ref by its long name")
	})
}

// Pipelines that have the key, and others that only seem to.
func TestKeyCandidates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := keyNow()
		good := keyPipeline{"main", "api", "k1", now.Add(-59 * time.Minute), 0}
		change := func(f func(*keyPipeline)) keyPipeline {
			p := good
			f(&p)
			return p
		}
		tests := map[string]struct {
			pipeline keyPipeline
			found    bool
		}{
			"an hour old":                    {good, true},
			"by a clock that is an hour off": {change(func(p *keyPipeline) { p.created = now.Add(-61 * time.Minute) }), true},
			"more than two hours old":        {change(func(p *keyPipeline) { p.created = now.Add(-121 * time.Minute) }), false},
			"of no source":                   {change(func(p *keyPipeline) { p.source = "" }), true},
			"of no source and no time":       {change(func(p *keyPipeline) { p.source, p.created = "", time.Time{} }), true},
			"of a trigger":                   {change(func(p *keyPipeline) { p.source = "trigger" }), true},
			"of a pipeline":                  {change(func(p *keyPipeline) { p.source = "pipeline" }), true},
			"of an unknown source":           {change(func(p *keyPipeline) { p.source = "tomorrow" }), true},
			"of a schedule":                  {change(func(p *keyPipeline) { p.source = "schedule" }), false},
			"a child":                        {change(func(p *keyPipeline) { p.source = "parent_pipeline" }), false},
			"of a push":                      {change(func(p *keyPipeline) { p.source = "push" }), false},
			"of another key":                 {change(func(p *keyPipeline) { p.key = "k10" }), false},
			"somebody else's":                {change(func(p *keyPipeline) { p.hidden = 403 }), false},
			"deleted by now":                 {change(func(p *keyPipeline) { p.hidden = 404 }), false},
		}
		for name, test := range tests {
			k := newKeyServer()
			k.pipelines = []keyPipeline{test.pipeline}
			pipeline, err := keyed(t.Context(), k.Client(t), "k1")
			require.NoError(t, err, name)
			require.Equal(t, test.found, pipeline.ID == 1, name)
			require.Equal(t, test.found, k.posted == 0, name)
		}
	})
}

// The variables of at most fifty pipelines are read, each once.
func TestKeyCandidatesAreFew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKeyServer(testkit.Reset, testkit.Respond(400, `{"message":{"base":["Reference not found"]}}`))
		for range 60 {
			k.pipelines = append(k.pipelines, keyPipeline{"main", "api", "other", keyNow(), 0})
		}
		k.pipelines[5].key = "k1"
		_, err := keyed(t.Context(), k.Client(t), "k1")
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.NotContains(t, err.Error(), "travels as")
		require.Equal(t, 2, k.posted)
		require.Len(t, k.asked, 1+50+1+24+1)
	})
}

// After a lost response the pipeline is found, however long GitLab took for it.
func TestKeyedCreateAfterALostResponse(t *testing.T) {
	t.Parallel()
	for _, made := range []time.Duration{0, 7 * time.Second, 119 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			k := newKeyServer()
			k.creates = []http.HandlerFunc{k.lost(made)}
			waits := 0
			client := k.Client(t, gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(_ context.Context, w gitlabci.WaitInfo) {
				require.Equal(t, gitlabci.WaitReasonRetry, w.Reason)
				require.Equal(t, 5*time.Second, w.Duration)
				waits++
			}}))
			start := time.Now()
			pipeline, err := keyed(t.Context(), client, "k1")
			require.NoError(t, err)
			require.EqualValues(t, 1, pipeline.ID)
			require.Equal(t, "found", pipeline.Name)
			require.Equal(t, 1, k.posted)
			require.Equal(t, made.Truncate(5*time.Second)+5*time.Second, time.Since(start))
			require.EqualValues(t, waits, time.Since(start)/(5*time.Second))
		})
	}
}

// A create without effect is sent again after two minutes, as often as retries are allowed.
func TestKeyedCreateIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]http.HandlerFunc{"reset": testkit.Reset, "502": testkit.Respond(502, ``), "half a response": testkit.BreakOff} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKeyServer(step, step)
				start := time.Now()
				pipeline, err := keyed(t.Context(), k.Client(t), "k1")
				require.NoError(t, err)
				require.EqualValues(t, 1, pipeline.ID)
				require.Equal(t, 3, k.posted)
				require.Equal(t, 4*time.Minute, time.Since(start))

				for retries := range 3 {
					k = newKeyServer(step, step, step, step)
					_, err = keyed(t.Context(), k.Client(t, gitlabci.WithRetries(retries)), "k1")
					require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
					require.Equal(t, retries+1, k.posted)
				}
			})
		})
	}
}

// Nothing is sent a second time if no search is possible before.
func TestKeyedCreateThatCannotSearch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKeyServer(testkit.Reset)
		start := time.Now()
		_, err := keyed(t.Context(), k.Client(t, gitlabci.WithMaxWait(4*time.Second)), "k1")
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "WithMaxWait")
		require.Zero(t, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		k = newKeyServer(testkit.Reset)
		_, err = keyed(ctx, k.Client(t), "k1")
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.Equal(t, 10*time.Second, time.Since(start))
		require.Equal(t, 1, k.posted)

		stop, cancel := context.WithCancel(t.Context())
		time.AfterFunc(7*time.Second, cancel)
		k = newKeyServer(testkit.Reset)
		_, err = keyed(stop, k.Client(t), "k1")
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 17*time.Second, time.Since(start))

		k = newKeyServer(func(w http.ResponseWriter, r *http.Request) {
			k.Script.Steps = []http.HandlerFunc{testkit.Respond(403, `{"message":"403 Forbidden"}`)}
			testkit.Reset(w, r)
		}, nil)
		_, err = keyed(t.Context(), k.Client(t), "k1")
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.ErrorIs(t, err, gitlabci.ErrForbidden)
		require.Equal(t, 1, k.posted)
	})
}

// A token that may not read any variables cannot show that a pipeline is someone else's,
// and another one may still appear.
func TestKeyCandidatesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]http.HandlerFunc{
		"no scope":          testkit.Respond(403, `{"error":"insufficient_granular_scope","error_description":"read_pipeline_variable"}`),
		"old scope":         testkit.Respond(403, `{"error":"insufficient_scope","error_description":"more","scope":"api"}`),
		"a proxy forbids":   testkit.Respond(403, `<html></html>`, "Content-Type", "text/html"),
		"a proxy is lost":   testkit.Respond(404, `default backend - 404`, "Content-Type", "text/plain"),
		"too old a server":  testkit.Respond(404, `{"error":"404 Not Found"}`),
		"project is hidden": testkit.Respond(404, `{"message":"404 Project Not Found"}`),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKeyServer()
				k.creates = []http.HandlerFunc{k.lost(0)}
				k.variables = func(int) http.HandlerFunc { return refusal }
				_, err := keyed(t.Context(), k.Client(t), "k1")
				require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.Equal(t, 1, k.posted)
				_, err = keyed(t.Context(), k.Client(t), "k1")
				require.Error(t, err)
				require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
				require.Equal(t, 1, k.posted)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		k := newKeyServer()
		k.creates = []http.HandlerFunc{k.lost(0)}
		k.variables = func(looks int) http.HandlerFunc {
			if looks > 3 {
				return nil
			}
			return testkit.Respond(404, `{"message":"404 Not found"}`)
		}
		pipeline, err := keyed(t.Context(), k.Client(t), "k1")
		require.NoError(t, err)
		require.EqualValues(t, 1, pipeline.ID)
		require.Equal(t, 1, k.posted)
	})
}

// A silent server does not hold up the search for hours.
func TestKeyedCreateOnASilentServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKeyServer()
		k.creates = []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			k.Script.Steps = []http.HandlerFunc{testkit.Silent}
			testkit.Reset(w, r)
		}}
		start := time.Now()
		_, err := keyed(t.Context(), k.Client(t, gitlabci.WithRetries(0)), "k1")
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.ErrorIs(t, err, gitlabci.ErrStalled)
		require.Equal(t, 5*time.Second+2*time.Minute, time.Since(start), "one search")
	})
}

// Searches that fail do not end the call.
func TestKeyedCreateWhileSearchesFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKeyServer()
		serve := k.Steps[0]
		k.creates = []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			down := time.Now().Add(time.Minute)
			k.Script.Steps = []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
				if time.Now().Before(down) {
					testkit.Respond(401, ``)(w, r)
					return
				}
				serve(w, r)
			}}
			k.lost(0)(w, r)
		}}
		pipeline, err := keyed(t.Context(), k.Client(t), "k1")
		require.NoError(t, err)
		require.EqualValues(t, 1, pipeline.ID)
		require.Equal(t, 1, k.posted)
	})
}

func TestKeyedCreateThatFailsBefore(t *testing.T) {
	t.Parallel()
	s := testkit.NewScript(testkit.Respond(403, `{"message":"403 Forbidden"}`))
	_, err := keyed(t.Context(), s.Client(t), "k1")
	require.ErrorIs(t, err, gitlabci.ErrForbidden)
	require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	require.Equal(t, http.MethodGet, testkit.OneRequest(t, s).Method)

	s = testkit.NewScript(testkit.Respond(200, `[{"id":7,"source":"api","created_at":"9999-01-01T00:00:00Z"}]`), testkit.Respond(400, `{"message":"no"}`))
	_, err = keyed(t.Context(), s.Client(t), "k1")
	require.ErrorIs(t, err, gitlabci.ErrInvalid)
	require.Len(t, s.Received(), 2, "variables that cannot be read at all")
}

func TestVariablesThatMayNotBeSet(t *testing.T) {
	t.Parallel()
	k := newKeyServer(testkit.Respond(400, `{"message":{"base":["Insufficient permissions to set pipeline variables"]}}`))
	_, err := keyed(t.Context(), k.Client(t), "k1")
	require.EqualError(t, err, "gitlabci: POST /projects/group%2Fapp/pipeline: 400 Bad Request: Insufficient permissions to set pipeline variables. "+
		"CreatePipelineOptions.IdempotencyKey travels as the pipeline variable GITLABCI_IDEMPOTENCY_KEY, which the token must be allowed to set")
	e, responded := errors.AsType[*gitlabci.APIError](err)
	require.True(t, responded)
	require.Equal(t, "Insufficient permissions to set pipeline variables", e.Message)
	require.ErrorIs(t, err, gitlabci.ErrInvalid)

	k = newKeyServer(testkit.Respond(409, `{"message":"The pipeline variables are being changed"}`))
	_, err = keyed(t.Context(), k.Client(t), "k1")
	require.ErrorIs(t, err, gitlabci.ErrConflict)
	require.NotContains(t, err.Error(), "travels as")
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 255)
	for _, key := range []string{long + "k", " ", "a b", "a\n", "é", "a$B", "\x00", "\x7f"} {
		s := testkit.NewScript(testkit.OK)
		_, err := keyed(t.Context(), s.Client(t), key)
		require.ErrorIs(t, err, gitlabci.ErrInvalid, key)
		require.ErrorContains(t, err, "CreatePipelineOptions.IdempotencyKey", key)
		require.Empty(t, s.Received())
	}
	for _, key := range []string{long, "release-1.4.2/(a)!~", `"\{}%`} {
		k := newKeyServer()
		for range 2 {
			pipeline, err := keyed(t.Context(), k.Client(t), key)
			require.NoError(t, err)
			require.EqualValues(t, 1, pipeline.ID, key)
		}
	}
	for name, opts := range map[string]*gitlabci.CreatePipelineOptions{
		"GITLABCI_IDEMPOTENCY_KEY": {IdempotencyKey: "k1", Variables: []*gitlabci.Variable{{Key: "A"}, {Key: "GITLABCI_IDEMPOTENCY_KEY", Value: "k1"}}},
		"Variables[0]":             {IdempotencyKey: "k1", Variables: []*gitlabci.Variable{nil}},
		"":                         {IdempotencyKey: "k1", Inputs: map[string]any{"a": func() {}}},
	} {
		s := testkit.NewScript(testkit.OK)
		_, err := s.Client(t).Pipelines.Create(t.Context(), "group/app", "main", opts)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.ErrorContains(t, err, name)
		require.Empty(t, s.Received())
	}
	k := newKeyServer()
	_, err := k.Client(t).Pipelines.Create(t.Context(), "group/app", "main", &gitlabci.CreatePipelineOptions{
		Variables: []*gitlabci.Variable{{Key: "GITLABCI_IDEMPOTENCY_KEY", Value: "mine"}},
	})
	require.NoError(t, err, "without a key the name is free")
	require.Equal(t, []string{"POST pipeline"}, k.asked)
}
