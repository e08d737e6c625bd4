package promises_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A pipeline that a lost create may have made is searched for by its ID, whatever its
// source and its time are.
func TestKeyedCreateFindsWhatItMade(t *testing.T) {
	for name, change := range map[string]func(*keyPipeline){
		"as GitLab does":        func(*keyPipeline) {},
		"before 14.3":           func(p *keyPipeline) { p.source = "" },
		"without a time":        func(p *keyPipeline) { p.created = time.Time{} },
		"of a trigger":          func(p *keyPipeline) { p.source = "trigger" },
		"of another pipeline":   func(p *keyPipeline) { p.source = "pipeline" },
		"an hour ago, it says":  func(p *keyPipeline) { p.created = p.created.Add(-time.Hour) },
		"a day ago, it says":    func(p *keyPipeline) { p.created = p.created.Add(-24 * time.Hour) },
		"in an hour, it says":   func(p *keyPipeline) { p.created = p.created.Add(time.Hour) },
		"old, without a source": func(p *keyPipeline) { p.source, p.created = "", p.created.Add(-time.Hour) },
	} {
		synctest.Test(t, func(t *testing.T) {
			k := newKeyServer()
			k.pipelines = []keyPipeline{{"main", "push", "", keyNow(), 0}, {"main", "api", "other", keyNow(), 0}}
			k.creates = []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
				k.add(r)
				change(&k.pipelines[2])
				testkit.Reset(w, r)
			}}
			pipeline, err := keyed(t.Context(), k.Client(t), "k1")
			require.NoError(t, err, name)
			require.EqualValues(t, 3, pipeline.ID, name)
			require.Equal(t, 1, k.posted, name)
		})
	}
}

const noVariables = `[]`

// Variables that a replica of GitLab's database does not have yet are waited for.
func TestKeyedCreateWaitsForVariables(t *testing.T) {
	for name, late := range map[string]http.HandlerFunc{
		"none yet":      testkit.Respond(200, noVariables),
		"no such yet":   testkit.Respond(404, `{"message":"404 Not found"}`),
		"hidden, yet":   testkit.Respond(403, `{"message":"403 Forbidden"}`),
		"responds late": testkit.Respond(502, ``),
	} {
		synctest.Test(t, func(t *testing.T) {
			k := newKeyServer()
			k.creates = []http.HandlerFunc{k.lost(0)}
			begun := time.Now()
			k.variables = func(int) http.HandlerFunc {
				if time.Since(begun) < 50*time.Second {
					return late
				}
				return nil
			}
			pipeline, err := keyed(t.Context(), k.Client(t), "k1")
			require.NoError(t, err, name)
			require.EqualValues(t, 1, pipeline.ID, name)
			require.Equal(t, 1, k.posted, name)
		})
	}
	// So they are in a program that was started again after its create.
	synctest.Test(t, func(t *testing.T) {
		k := newKeyServer()
		k.pipelines = []keyPipeline{{"main", "api", "k1", keyNow(), 0}}
		k.variables = func(looks int) http.HandlerFunc {
			if looks > 4 {
				return nil
			}
			return testkit.Respond(200, noVariables)
		}
		pipeline, err := keyed(t.Context(), k.Client(t), "k1")
		require.NoError(t, err)
		require.EqualValues(t, 1, pipeline.ID)
		require.Zero(t, k.posted)
	})
}

// A pipeline without variables that was created long ago, or stays without them, is
// another one.
func TestKeyedCreatePassesOverPipelinesWithoutVariables(t *testing.T) {
	for age, wait := range map[time.Duration]time.Duration{0: time.Minute, 30 * time.Second: 30 * time.Second, 2 * time.Minute: 0} {
		synctest.Test(t, func(t *testing.T) {
			k := newKeyServer()
			k.pipelines = []keyPipeline{{"main", "api", "", keyNow().Add(-age), 0}}
			k.variables = func(int) http.HandlerFunc { return testkit.Respond(200, noVariables) }
			begun := time.Now()
			pipeline, err := keyed(t.Context(), k.Client(t), "k1")
			require.NoError(t, err)
			require.EqualValues(t, 2, pipeline.ID)
			require.Equal(t, wait, time.Since(begun))
		})
	}
	synctest.Test(t, func(t *testing.T) {
		k := newKeyServer()
		k.pipelines = []keyPipeline{{"main", "api", "", keyNow(), 0}}
		k.variables = func(int) http.HandlerFunc { return testkit.Respond(200, noVariables) }
		_, err := keyed(t.Context(), k.Client(t, gitlabci.WithMaxWait(time.Second)), "k1")
		require.ErrorContains(t, err, "nothing was sent: pipeline 1 may have the key")
		require.ErrorIs(t, err, gitlabci.ErrNotSent)
		require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		require.Zero(t, k.posted)
	})
}

// A new pipeline that may be the one keeps Create from making another one.
func TestKeyedCreateInDoubt(t *testing.T) {
	for name, unseen := range map[string]http.HandlerFunc{
		"no variables":  testkit.Respond(200, noVariables),
		"hidden":        testkit.Respond(403, `{"message":"403 Forbidden"}`),
		"not found":     testkit.Respond(404, `{"message":"404 Not found"}`),
		"proxy forbids": testkit.Respond(403, `<html></html>`, "Content-Type", "text/html"),
	} {
		synctest.Test(t, func(t *testing.T) {
			k := newKeyServer()
			k.creates = []http.HandlerFunc{k.lost(0)}
			k.variables = func(int) http.HandlerFunc { return unseen }
			_, err := keyed(t.Context(), k.Client(t), "k1")
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, name)
			require.Equal(t, 1, k.posted, name)
			require.Equal(t, 1, strings.Count(err.Error(), "gitlabci: POST"), err)
		})
	}
}

// A busy ref has more pipelines within the hour than a page holds.
func TestKeyedCreateOnABusyRef(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		posted := 0
		s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			page := max(1, len(r.URL.Query().Get("page")))
			switch {
			case r.Method == http.MethodPost:
				posted++
				testkit.Respond(201, `{"id":900}`)(w, r)
			case strings.HasSuffix(r.URL.Path, "/variables"):
				testkit.Respond(200, `[{"key":"GITLABCI_IDEMPOTENCY_KEY","value":"k1"}]`)(w, r)
			case strings.HasSuffix(r.URL.Path, "/pipelines") && page == 2:
				testkit.Respond(200, fmt.Sprintf(`[{"id":5,"ref":"main","source":"api","created_at":%q}]`, time.Now().UTC().Format(time.RFC3339)))(w, r)
			case strings.HasSuffix(r.URL.Path, "/pipelines"):
				rows := []string{}
				for id := 800; id > 700; id-- {
					rows = append(rows, fmt.Sprintf(`{"id":%d,"ref":"main","source":"push","created_at":%q}`, id, time.Now().UTC().Format(time.RFC3339)))
				}
				testkit.Respond(200, "["+strings.Join(rows, ",")+"]", testkit.NextPage("per_page=100&ref=main&page=10")...)(w, r)
			default:
				testkit.OK(w, r)
			}
		})
		pipeline, err := keyed(t.Context(), s.Client(t), "k1")
		require.NoError(t, err)
		require.EqualValues(t, 5, pipeline.ID)
		require.Zero(t, posted)
	})
}

// GitLab may not know a ref for half a minute after a push.
func TestWaitForRef(t *testing.T) {
	const unknownRef = `{"message":{"base":["Reference not found"]}}`
	create := func(ctx context.Context, c *gitlabci.Client, wait time.Duration) error {
		return testkit.Done(c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{WaitForRef: wait}))
	}
	until := func(known time.Time) *testkit.Script {
		return testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			if time.Now().Before(known) {
				testkit.Respond(400, unknownRef)(w, r)
				return
			}
			testkit.OK(w, r)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		waits := 0
		hooks := gitlabci.WithHooks(gitlabci.Hooks{OnWait: func(context.Context, gitlabci.WaitInfo) { waits++ }})
		require.NoError(t, create(t.Context(), until(begun.Add(25*time.Second)).Client(t, hooks), 40*time.Second))
		require.Less(t, time.Since(begun), 31*time.Second)
		require.Positive(t, waits)

		begun = time.Now()
		s := until(begun.Add(time.Hour))
		err := create(t.Context(), s.Client(t), 40*time.Second)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.Equal(t, 40*time.Second, time.Since(begun))
		require.Less(t, len(s.Received()), 15)

		begun = time.Now()
		require.ErrorIs(t, create(t.Context(), until(begun.Add(time.Hour)).Client(t), 0), gitlabci.ErrInvalid)
		require.Zero(t, time.Since(begun))

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err = create(ctx, until(begun.Add(time.Hour)).Client(t), time.Minute)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.LessOrEqual(t, time.Since(begun), 10*time.Second)

		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(3500*time.Millisecond, stop)
		err = create(ctx, until(begun.Add(time.Hour)).Client(t), time.Minute)
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)

		result, err := until(time.Now().Add(10*time.Second)).Client(t).Pipelines.Run(t.Context(), "group/app", "main",
			&gitlabci.RunOptions{Create: gitlabci.CreatePipelineOptions{WaitForRef: 5 * time.Second}})
		require.ErrorIs(t, err, gitlabci.ErrInvalid)
		require.Nil(t, result)
	})
	// Other refusals are final, and so is a lost response.
	for _, step := range []http.HandlerFunc{testkit.Respond(400, `{"message":{"base":["Missing CI config file"]}}`), testkit.Reset, testkit.Respond(404, `{"message":"Reference not found"}`)} {
		s := testkit.NewScript(step, testkit.OK)
		require.Error(t, create(t.Context(), s.Client(t), time.Hour))
		require.Len(t, s.Received(), 1)
	}
	s := testkit.NewScript(testkit.OK)
	testkit.RequireNotSent(t, s, create(t.Context(), s.Client(t), -1))
	// With a key, a pipeline is searched for once.
	synctest.Test(t, func(t *testing.T) {
		k := newKeyServer(testkit.Respond(400, unknownRef), testkit.Respond(400, unknownRef))
		pipeline, err := k.Client(t).Pipelines.Create(t.Context(), "group/app", "main", &gitlabci.CreatePipelineOptions{IdempotencyKey: "k1", WaitForRef: time.Minute})
		require.NoError(t, err)
		require.EqualValues(t, 1, pipeline.ID)
		require.Equal(t, []string{"GET pipelines", "POST pipeline", "POST pipeline", "POST pipeline"}, k.asked)
	})
}
