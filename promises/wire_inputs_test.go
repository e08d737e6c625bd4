package promises_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// withInputs are the calls that take inputs, and the names of these in JSON.
var withInputs = map[string]struct {
	call func(context.Context, *gitlabci.Client, map[string]any) error
	body string // with the inputs in place of %[1]s
}{
	"create": {func(ctx context.Context, c *gitlabci.Client, inputs map[string]any) error {
		return testkit.Done(c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{Inputs: inputs}))
	}, `{"ref":"main","inputs":%[1]s}`},
	"retry": {func(ctx context.Context, c *gitlabci.Client, inputs map[string]any) error {
		return testkit.Done(c.Jobs.Retry(ctx, "group/app", 7, &gitlabci.RetryJobOptions{Inputs: inputs}))
	}, `{"inputs":%[1]s,"job_inputs":%[1]s}`},
	"play": {func(ctx context.Context, c *gitlabci.Client, inputs map[string]any) error {
		return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Inputs: inputs}))
	}, `{"job_inputs":%[1]s}`},
	"play or retry": {func(ctx context.Context, c *gitlabci.Client, inputs map[string]any) error {
		return testkit.Done(c.Jobs.PlayOrRetry(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Inputs: inputs}))
	}, `{"job_inputs":%[1]s}`},
}

// A word has methods that would write it otherwise in JSON.
type word string

func (word) MarshalJSON() ([]byte, error) { return []byte(`{"a":1}`), nil }
func (word) MarshalText() ([]byte, error) { return []byte("other"), nil }

// A number of any kind is sent as a number, and a string as a string.
func TestInputsKeepTheirKind(t *testing.T) {
	t.Parallel()
	values := map[string]any{
		`7`:                          int8(7),
		`-1`:                         int64(-1),
		`8`:                          uint16(8),
		`18446744073709551615`:       uint64(math.MaxUint64),
		`0.1`:                        float32(0.1),
		`2.5`:                        2.5,
		`12345678901234567890.12`:    json.Number("12345678901234567890.12"),
		`3`:                          json.Number("3"),
		`60000000000`:                time.Minute,
		`true`:                       true,
		`"a"`:                        "a",
		`"b"`:                        word("b"),
		`"7"`:                        "7",
		`[]`:                         []string(nil),
		`["a","b"]`:                  [2]word{"a", "b"},
		`[1,2.50,"x",true]`:          []any{1, json.Number("2.50"), "x", true},
		`["success"]`:                []gitlabci.Status{gitlabci.StatusSuccess},
		`[1,2]`:                      []int32{1, 2},
		`[18446744073709551615,0.1]`: []any{uint64(math.MaxUint64), float32(0.1)},
	}
	for name, given := range withInputs {
		for sent, value := range values {
			s := testkit.NewScript(testkit.OK)
			require.NoError(t, given.call(t.Context(), s.Client(t), map[string]any{"a": value}), "%s: %s", name, sent)
			require.Len(t, s.Received(), 1, "%s: %s", name, sent)
			require.Equal(t, fmt.Sprintf(given.body, `{"a":`+sent+`}`), s.Bodies[0], name)
		}
	}
}

// Values that GitLab would convert or ignore are refused before they are sent.
func TestInputsOfNoKindAreRefused(t *testing.T) {
	t.Parallel()
	values := map[string]any{
		"nil": nil, "map": map[string]int{"a": 1}, "struct": struct{ A int }{1}, "time": time.Time{}, "bytes": []byte("a"), "array of bytes": [1]byte{1},
		"raw": json.RawMessage(`1`), "pointer": new("a"), "complex": 1i, "func": func() {}, "nil map": map[string]any(nil),
		"NaN": math.NaN(), "infinite": math.Inf(-1), "float32": float32(math.Inf(1)),
		"no number": json.Number(""), "word": json.Number("abc"), "literal": json.Number("true"), "hex": json.Number("0x1"), "space": json.Number(" 1"),
		"nil in a slice": []any{nil}, "map in a slice": []any{map[string]any{}}, "slices": [][]string{{"a"}}, "NaN in a slice": []float64{math.NaN()},
	}
	for name, given := range withInputs {
		for kind, value := range values {
			s := testkit.NewScript(testkit.OK)
			err := given.call(t.Context(), s.Client(t), map[string]any{"good": 1, "bad": value})
			testkit.RequireNotSent(t, s, err)
			require.ErrorContains(t, err, `Inputs["bad"]`, "%s: %s", name, kind)
		}
		s := testkit.NewScript(testkit.OK)
		testkit.RequireNotSent(t, s, given.call(t.Context(), s.Client(t), map[string]any{"": 1}))
	}
}

// Fields of a variable that an endpoint does not accept are refused, not left out.
func TestVariablesAreNotChanged(t *testing.T) {
	t.Parallel()
	create := func(ctx context.Context, c *gitlabci.Client, variables ...*gitlabci.Variable) error {
		return testkit.Done(c.Pipelines.Create(ctx, "group/app", "main", &gitlabci.CreatePipelineOptions{Variables: variables}))
	}
	run := func(ctx context.Context, c *gitlabci.Client, variables ...*gitlabci.Variable) error {
		return testkit.Done(c.Pipelines.Run(ctx, "group/app", "main", &gitlabci.RunOptions{Create: gitlabci.CreatePipelineOptions{Variables: variables}}))
	}
	play := func(ctx context.Context, c *gitlabci.Client, variables ...*gitlabci.Variable) error {
		return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Variables: variables}))
	}
	playOrRetry := func(ctx context.Context, c *gitlabci.Client, variables ...*gitlabci.Variable) error {
		return testkit.Done(c.Jobs.PlayOrRetry(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Variables: variables}))
	}
	good := &gitlabci.Variable{Key: "A", Value: "1", VariableType: gitlabci.VariableTypeEnvVar}
	raw := &gitlabci.Variable{Key: "B", Value: "a secret of $5", Raw: true}
	file := &gitlabci.Variable{Key: "B", Value: "a secret of $5", VariableType: gitlabci.VariableTypeFile}
	for name, call := range map[string]func(context.Context, *gitlabci.Client) error{
		"create, raw":         func(ctx context.Context, c *gitlabci.Client) error { return create(ctx, c, good, raw) },
		"run, raw":            func(ctx context.Context, c *gitlabci.Client) error { return run(ctx, c, good, raw) },
		"play, raw":           func(ctx context.Context, c *gitlabci.Client) error { return play(ctx, c, good, raw) },
		"play, file":          func(ctx context.Context, c *gitlabci.Client) error { return play(ctx, c, good, file) },
		"play or retry, file": func(ctx context.Context, c *gitlabci.Client) error { return playOrRetry(ctx, c, good, file) },
	} {
		s := testkit.NewScript(testkit.OK)
		err := call(t.Context(), s.Client(t))
		testkit.RequireNotSent(t, s, err)
		require.ErrorContains(t, err, "Variables[1] (B)", name)
		require.NotContains(t, err.Error(), "secret", name)
	}
	s := testkit.NewScript(testkit.OK)
	require.NoError(t, create(t.Context(), s.Client(t), good, file))
	require.Contains(t, s.Bodies[0], `"variable_type":"file"`)
}
