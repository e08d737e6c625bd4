package webhook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/webhook"
)

// No way of printing an event shows the values of variables, the body or a token.
func TestEventIsNotPrinted(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("testdata/pipeline.json")
	require.NoError(t, err)
	e := parse(t, string(body), "webhook-id", "event-id", "X-Gitlab-Event", "Pipeline Hook")
	require.Equal(t, "correct horse battery", e.Pipeline.Variables[0].Value, "so that there is something to show")
	holder := struct {
		Event    *webhook.Event
		Value    webhook.Event
		Pipeline webhook.Pipeline
		Any      any
		List     []any
	}{e, *e, *e.Pipeline, e, []any{*e, e.Pipeline}}
	var text bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{e, *e, e.Pipeline, *e.Pipeline, holder, &holder, fmt.Errorf("of %v", e)} {
			fmt.Fprintf(&text, verb+"\n", value)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&text, nil)} {
		logger := slog.New(handler)
		logger.Info("event", "event", e, "value", *e, "pipeline", e.Pipeline, "holder", holder, "any", []any{e, e.Pipeline})
	}
	require.NoError(t, json.NewEncoder(&text).Encode(holder))
	for _, hidden := range []string{"horse", fmt.Sprintf("%x", "horse"), "DEPLOY_PASSWORD", secret, "Y29ycmVjdCBob3JzZ"} {
		require.NotContains(t, text.String(), hidden)
	}
	require.Equal(t, `pipeline 3101 is failed in "group/app"`, fmt.Sprint(e))
	require.Equal(t, `pipeline 3101 of project 42 is failed`, fmt.Sprint(e.Pipeline))
}

// HandlerOptions.Error gets a nil event for a request that is refused, and an event of a job
// has no pipeline.
func TestNilIsLogged(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&text, nil)} {
		slog.New(handler).Info("refused", "event", (*webhook.Event)(nil), "pipeline", (&webhook.Event{}).Pipeline)
	}
	require.Contains(t, text.String(), "event=<nil> pipeline=<nil>\n")
	require.Contains(t, text.String(), `"event":null,"pipeline":null}`)
	require.NotContains(t, text.String(), "panicked")
}

func TestEventStrings(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"job":        `job 9002 "unit" of pipeline 3101 is success in "group/app"`,
		"deployment": `deployment 15 to "production" is success in "group/app"`,
	} {
		body, err := os.ReadFile("testdata/" + name + ".json")
		require.NoError(t, err)
		require.Equal(t, want, parse(t, string(body)).String())
	}
	require.Equal(t, `"Push\n Hook" of 37 bytes in "42"`, parse(t, `{"text":"secret","project":{"id":42}}`, "X-Gitlab-Event", "Push\n Hook").String())
	require.Equal(t, `"" of 2 bytes`, parse(t, `{}`).String())
}
