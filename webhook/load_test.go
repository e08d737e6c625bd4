package webhook_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/webhook"
)

// 64 clients send thousands of requests, a part of them hostile or twice, to a handler
// whose function now and then fails or panics. Each event is handled with success once.
func TestHandlerUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := testkit.Fewer(3000)
		succeeded, calls := make([]atomic.Int32, events), make([]atomic.Int32, events)
		r := receive(t, webhook.HandlerOptions{Workers: 8}, func(_ context.Context, e *webhook.Event) error {
			n, err := strconv.Atoi(e.ID)
			if err != nil {
				return err
			}
			time.Sleep(time.Duration(n%7) * time.Millisecond)
			switch call := calls[n].Add(1); {
			case n%50 == 3 && call == 1:
				return errors.New("no luck")
			case n%50 == 4 && call == 1:
				panic("no luck")
			}
			succeeded[n].Add(1)
			return nil
		})
		var next atomic.Int32
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for n := int(next.Add(1)) - 1; n < events; n = int(next.Add(1)) - 1 {
					loadOf(t, r, n)
				}
			})
		}
		all.Wait()
		require.NoError(t, r.Shutdown(t.Context()))
		for n := range events {
			require.EqualValues(t, 1, succeeded[n].Load(), n)
		}
	})
}

// loadOf sends what goes with the nth event, and then the event until it is accepted.
func loadOf(t *testing.T, r *receiver, n int) {
	id, now := strconv.Itoa(n), time.Now()
	for name, attack := range map[string]struct {
		request *http.Request
		status  int
	}{
		"forged":     {signedRequest(otherToken, id, now, vectorBody), 401},
		"old":        {signedRequest(vectorToken, id, now.Add(-time.Hour), vectorBody), 401},
		"downgraded": {newRequest(vectorBody, "webhook-id", id, "webhook-signature", "v1,", "X-Gitlab-Token", secret), 401},
		"malformed":  {signedRequest(vectorToken, id, now, "x"), 400},
		"bytes":      {signedRequest(otherToken, id, now, strings.Repeat("x", 40_000)), 401},
	} {
		if status := 0; n%20 == len(name) {
			if status = r.send(attack.request); status != attack.status {
				t.Error(id, name, status)
			}
		}
	}
	for r.post(id) == 503 {
		time.Sleep(10 * time.Millisecond)
	}
	if n%10 == 0 && r.post(id) != 200 {
		t.Error(id, "is not known")
	}
	for n%50 == 3 || n%50 == 4 { // sent again by hand, as its function has failed
		time.Sleep(time.Second)
		if status := r.post(id); status == 200 {
			break
		}
	}
}

// An event that would take too much memory once it is decoded is decoded without its lists.
func TestEventsThatTakeTooMuchMemory(t *testing.T) {
	testkit.NotUnderRace(t)
	const head = `{"object_kind":"pipeline","object_attributes":{"id":31,"status":"failed","stages":["a"],"variables":[{"key":"A","value":"b"}]},
		"project":{"id":42},"user":{"id":7},"source_pipeline":{"pipeline_id":30},"builds":[`
	for name, builds := range map[string]string{
		"objects without fields": strings.Repeat("{},", 500_000) + "{}",
		"many builds":            strings.Repeat(`{"id":9,"name":"unit","user":{"id":7,"username":"ada"},"runner":{"id":3,"tags":["a","b"]}},`, 40_000) + "{}",
	} {
		var e *webhook.Event
		allocated := testkit.Allocated(func() { e = parse(t, head+builds+"]}") })
		size := uint64(len(builds))
		require.Less(t, allocated, 4*size+(8<<20), name)
		require.Equal(t, &webhook.Pipeline{
			ID: 31, Status: "failed", ProjectID: "42", User: e.Pipeline.User, SourcePipeline: &webhook.SourcePipeline{PipelineID: 30}, Incomplete: true,
		}, e.Pipeline, name)
	}
	const build = `{"id":380,"stage":"deploy","name":"production","status":"skipped","created_at":"2016-08-12 15:23:28 UTC","started_at":null,"finished_at":null,"duration":null,
		"queued_duration":null,"failure_reason":null,"when":"manual","manual":true,"allow_failure":false,"user":{"id":1,"name":"Administrator","username":"root",
		"avatar_url":"https://gitlab.example.com/uploads/root.png","email":"[REDACTED]"},"runner":{"id":380987,"description":"shared-runners-manager-6","runner_type":"instance_type",
		"active":true,"is_shared":true,"tags":["linux","docker"]},"artifacts_file":{"filename":null,"size":null},"environment":null},`
	e := parse(t, head+strings.Repeat(build, 3000)+"{}]}")
	require.Len(t, e.Pipeline.Builds, 3000, "more than real pipelines have")
	require.False(t, e.Pipeline.Incomplete)

	large := `{"object_kind":"build","build_id":9,"commit":{"message":"` + strings.Repeat("x", 20<<20) + `"}}`
	_, err := newVerifier(t, webhook.SecretToken(secret)).Parse(newRequest(large, "X-Gitlab-Token", secret))
	require.ErrorIs(t, err, webhook.ErrTooLarge)
}
