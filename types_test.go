package gitlabci_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

func TestProjectNumbers(t *testing.T) {
	for project, want := range map[gitlabci.ProjectID]int64{
		gitlabci.ProjectNumber(7):             7,
		gitlabci.ProjectNumber(math.MaxInt64): math.MaxInt64,
		"57":                                  57,
		"":                                    0,
		"0":                                   0,
		"-7":                                  0,
		"+7":                                  0,
		"7.0":                                 0,
		" 7":                                  0,
		"9223372036854775808":                 0,
		"group/app":                           0,
		"7/8":                                 0,
	} {
		n, ok := project.Number()
		require.Equal(t, want, n, project)
		require.Equal(t, want != 0, ok, project)
	}
}

// GitLab writes a project as a number. Both the fast and the lenient decoding, and a
// program that uses encoding/json, read it; and it is written as it was read.
func TestProjectIDsInJSON(t *testing.T) {
	for text, test := range map[string]struct {
		want  gitlabci.ProjectID
		wrote string
	}{
		`57`:                  {"57", `57`},
		`57.0`:                {"57", `57`},
		`5.7e1`:               {"57", `57`},
		`"57"`:                {"57", `57`},
		`9007199254740993`:    {"9007199254740993", `9007199254740993`},
		`9223372036854775807`: {"9223372036854775807", `9223372036854775807`},
		`"group/app"`:         {"group/app", `"group/app"`},
		`"group\/app"`:        {"group/app", `"group/app"`},
		`"007"`:               {"007", `7`},
		`-7`:                  {"-7", `"-7"`},
		`0`:                   {"", `null`},
		`""`:                  {"", `null`},
		`null`:                {"", `null`},
	} {
		t.Run(text, func(t *testing.T) {
			var alone gitlabci.ProjectID
			require.NoError(t, json.Unmarshal([]byte(text), &alone))
			require.Equal(t, test.want, alone)
			wrote, err := json.Marshal(alone)
			require.NoError(t, err)
			require.Equal(t, test.wrote, string(wrote))
			for _, iid := range []string{"12", `"12"`} { // the second one makes the fast decoding give up
				s := testkit.CannedJSON(`{"id":42,"iid":` + iid + `,"project_id":` + text + `}`)
				pipeline, err := s.Client(t).Pipelines.Get(t.Context(), "group/app", 42)
				require.NoError(t, err)
				require.EqualValues(t, 12, pipeline.IID)
				require.Equal(t, test.want, pipeline.ProjectID)
			}
		})
	}
}

func TestWhatIsNoProjectID(t *testing.T) {
	for _, text := range []string{`7.5`, `1e300`, `true`, `{"id":57}`, `[57]`} {
		t.Run(text, func(t *testing.T) {
			project := gitlabci.ProjectID("before")
			require.Error(t, json.Unmarshal([]byte(text), &project))
			require.EqualValues(t, "before", project)
			s := testkit.CannedJSON(`{"id":42,"project_id":` + text + `,"ref":"main"}`)
			pipeline, err := s.Client(t).Pipelines.Get(t.Context(), "group/app", 42)
			require.NoError(t, err, "the rest of a response is kept")
			require.Equal(t, &gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 42, Ref: "main"}}, pipeline)
		})
	}
}

func TestProjectOfAResponseIsHandedOn(t *testing.T) {
	srv := gitlabcitest.NewServer()
	id := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"}).ID
	client := srv.Client()
	p, err := client.Pipelines.Get(t.Context(), "group/app", id)
	require.NoError(t, err)
	again, err := client.Pipelines.Get(t.Context(), p.ProjectID, p.ID)
	require.NoError(t, err)
	require.Equal(t, p, again)
}
