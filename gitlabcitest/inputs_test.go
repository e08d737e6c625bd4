package gitlabcitest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func declaring(opts ...gitlabcitest.Option) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer(opts...)
	srv.Configure("group/app", gitlabcitest.Settings{Inputs: map[string]gitlabcitest.Input{
		"env":   {Options: []any{"staging", "production"}},
		"tag":   {Default: "v0", Regex: `^v\d+$`},
		"count": {Type: gitlabcitest.InputNumber, Default: 1, Options: []any{1, 2.5}},
		"dry":   {Type: gitlabcitest.InputBoolean, Default: false},
		"files": {Type: gitlabcitest.InputArray, Default: []any{}},
	}})
	return srv
}

func TestDeclaredInputsAreChecked(t *testing.T) {
	const (
		form  = "Content-Type: application/x-www-form-urlencoded"
		asked = "Content-Type: application/json"
	)
	tests := []struct {
		kind, body, want string // "" is no complaint
	}{
		{asked, `{"ref":"main","inputs":{"env":"staging"}}`, ""},
		{asked, `{"ref":"main","inputs":{"env":"production","tag":"v12","count":2.5,"dry":true,"files":["a",1]}}`, ""},
		{form, "ref=main&inputs[env]=staging&inputs[count]=1&inputs[dry]=true&inputs[files]=[\"a\"]", ""},
		{form, "ref=main&inputs[env]=staging&inputs[files][]=a", ""},
		{asked, `{"ref":"main"}`, "`env` input: required value has not been provided"},
		{asked, `{"ref":"main","inputs":{"env":"test"}}`, "`env` input: `test` cannot be used because it is not in the list of allowed options"},
		{asked, `{"ref":"main","inputs":{"env":"staging","count":"1"}}`, "`count` input: provided value is not a number"},
		{asked, `{"ref":"main","inputs":{"env":"staging","count":3}}`, "`count` input: `3` cannot be used because it is not in the list of allowed options"},
		{asked, `{"ref":"main","inputs":{"env":1}}`, "`env` input: provided value is not a string"},
		{asked, `{"ref":"main","inputs":{"env":"staging","dry":"true"}}`, "`dry` input: provided value is not a boolean"},
		{asked, `{"ref":"main","inputs":{"env":"staging","files":{"a":1}}}`, "`files` input: provided value is not an array"},
		{asked, `{"ref":"main","inputs":{"env":"staging","tag":"12"}}`, "`tag` input: provided value does not match required RegEx pattern"},
		{asked, `{"ref":"main","inputs":{"env":"staging","b":1,"a":2}}`, "unknown input arguments: a, b"},
		{form, "ref=main&inputs[env]=staging&inputs[count]=one", "`count` input: provided value is not a number"},
		{form, "ref=main&inputs[env]=staging&inputs[count]=1%202", "`count` input: provided value is not a number"},
	}
	for _, test := range tests {
		srv := declaring()
		r := send(t, srv, http.MethodPost, "/projects/1/pipeline", test.body, test.kind)
		if test.want == "" {
			require.Equal(t, 201, r.status, "%s: %s", test.body, r.body)
			continue
		}
		require.Equal(t, 400, r.status, test.body)
		require.Equal(t, []any{test.want}, r.object(t).in("message")["base"])
		require.Empty(t, get(t, srv, "/projects/1/pipelines").list(t), "nothing is saved")
	}
}

func TestInputsThatNobodyDeclared(t *testing.T) {
	create := func(srv *gitlabcitest.Server) error {
		_, err := srv.Client().Pipelines.Create(t.Context(), "group/app", "main", &gitlabci.CreatePipelineOptions{Inputs: map[string]any{"x": 1}})
		return err
	}
	require.NoError(t, create(gitlabcitest.NewServer()))
	none := gitlabcitest.NewServer()
	none.Configure("group/app", gitlabcitest.Settings{Inputs: map[string]gitlabcitest.Input{}})
	require.ErrorContains(t, create(none), "unknown input arguments: x")
	require.NoError(t, create(declaring(gitlabcitest.WithVersion("17.9"))), "which has no inputs")
}

func TestMisuseOfSettings(t *testing.T) {
	srv := gitlabcitest.NewServer()
	for want, settings := range map[string]gitlabcitest.Settings{
		"pipelines are not created for -1s":                             {CreatedFor: -time.Second},
		"an Input has no name":                                          {Inputs: map[string]gitlabcitest.Input{"": {}}},
		`the Input "a" has the Type "text", which does not exist`:       {Inputs: map[string]gitlabcitest.Input{"a": {Type: "text"}}},
		`the Input "a" is no string, and has a Regex`:                   {Inputs: map[string]gitlabcitest.Input{"a": {Type: gitlabcitest.InputNumber, Regex: "1"}}},
		"the Input \"a\": error parsing regexp: missing closing ): `(`": {Inputs: map[string]gitlabcitest.Input{"a": {Regex: "("}}},
	} {
		require.PanicsWithValue(t, "gitlabcitest: Configure: "+want, func() { srv.Configure("group/app", settings) })
	}
	require.Equal(t, 201, post(t, srv, "/projects/1/pipeline?ref=main").status)
}
