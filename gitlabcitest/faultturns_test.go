package gitlabcitest_test

import (
	"math"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest"
)

// hits requests the jobs of a project n times, and reports which requests were hit.
func hits(t *testing.T, srv *gitlabcitest.Server, n int) (hit []int) {
	t.Helper()
	for i := range n {
		if get(t, srv, "/projects/1/jobs").status == 503 {
			hit = append(hit, i+1)
		}
	}
	return hit
}

func TestFaultTurns(t *testing.T) {
	tests := map[string]struct {
		fault gitlabcitest.Fault
		want  []int
	}{
		"every request":          {gitlabcitest.Fault{}, []int{1, 2, 3, 4, 5}},
		"the first":              {gitlabcitest.Fault{Nth: 1, Times: 1}, []int{1}},
		"from the third on":      {gitlabcitest.Fault{Nth: 3}, []int{3, 4, 5}},
		"the third":              {gitlabcitest.Fault{Nth: 3, Times: 1}, []int{3}},
		"the second two":         {gitlabcitest.Fault{Nth: 2, Times: 2}, []int{2, 3}},
		"certainly":              {gitlabcitest.Fault{Chance: 1, Seed: 7}, []int{1, 2, 3, 4, 5}},
		"another route's":        {gitlabcitest.Fault{Route: "GET /pipelines"}, nil},
		"after all the requests": {gitlabcitest.Fault{Nth: 6}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.fault.Route == "" {
				test.fault.Route = "GET /projects/:id/jobs"
			}
			srv := gitlabcitest.NewServer()
			get(t, srv, "/projects/1/jobs") // before the fault is added
			test.fault.Status = 503
			srv.Fault(test.fault)
			for range 3 {
				get(t, srv, "/projects/1/pipelines") // does not fit
			}
			require.Equal(t, test.want, hits(t, srv, 5))
		})
	}
}

// TestFaultsTakeTurns: a request counts for each fault that it fits, and one of
// them hits it.
func TestFaultsTakeTurns(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.Fault(gitlabcitest.Fault{Status: 502, Times: 1})
	srv.Fault(gitlabcitest.Fault{Status: 503, Nth: 3, Times: 1})
	srv.Fault(gitlabcitest.Fault{Status: 504, Times: 1})
	var statuses []int
	for range 4 {
		statuses = append(statuses, get(t, srv, "/projects/1/jobs").status)
	}
	require.Equal(t, []int{502, 504, 503, 200}, statuses)
}

func TestFaultChance(t *testing.T) {
	draw := func(f gitlabcitest.Fault) []int {
		srv := gitlabcitest.NewServer()
		f.Status = 503
		srv.Fault(f)
		return hits(t, srv, 100)
	}
	often := draw(gitlabcitest.Fault{Chance: 0.3})
	require.Equal(t, often, draw(gitlabcitest.Fault{Chance: 0.3}), "the same in every run")
	require.InDelta(t, 30, len(often), 15)
	require.NotEqual(t, often, draw(gitlabcitest.Fault{Chance: 0.3, Seed: 1}))
	require.Equal(t, often[:2], draw(gitlabcitest.Fault{Chance: 0.3, Times: 2}), "only hits are counted by Times")
}

// TestFaultChancesDiffer: with the same draws, the second of two faults with
// one Seed would never have its turn.
func TestFaultChancesDiffer(t *testing.T) {
	srv := gitlabcitest.NewServer()
	srv.Fault(gitlabcitest.Fault{Status: 502, Chance: 0.5})
	srv.Fault(gitlabcitest.Fault{Status: 503, Chance: 0.5})
	require.NotEmpty(t, hits(t, srv, 50))
}

func TestFaultWithdrawn(t *testing.T) {
	srv := gitlabcitest.NewServer()
	withdraw := srv.Fault(gitlabcitest.Fault{Status: 503})
	srv.Fault(gitlabcitest.Fault{Status: 502})
	require.Len(t, hits(t, srv, 2), 2)
	withdraw()
	withdraw()
	require.Equal(t, 502, get(t, srv, "/projects/1/jobs").status, "other faults stay")
}

func TestFaultHeaderOnOwnResponse(t *testing.T) {
	srv := gitlabcitest.NewServer()
	header := http.Header{"X-More": {"1", "2"}, "etag": {`"own"`}, "date": {"Mon, 01 Jan 2035 00:00:00 GMT"}, "X-Frame-Options": {"DENY"}, "Content-Type": {"text/json"}}
	srv.Fault(gitlabcitest.Fault{Header: header})
	r := get(t, srv, "/projects/1/pipelines")
	require.Equal(t, 200, r.status)
	require.Equal(t, "[]", r.body)
	require.Equal(t, []string{"1", "2"}, r.header.Values("X-More"))
	require.Equal(t, []string{`"own"`}, r.header.Values("ETag"))
	require.Equal(t, []string{"DENY"}, r.header.Values("X-Frame-Options"))
	require.Equal(t, []string{"text/json"}, r.header.Values("Content-Type"))
	require.Equal(t, []string{"Mon, 01 Jan 2035 00:00:00 GMT"}, r.header.Values("Date"))
	require.Equal(t, "20", r.header.Get("X-Per-Page"), "and all that comes otherwise")
}

func TestFaultMistakes(t *testing.T) {
	header := http.Header{"X-More": {"1"}}
	tests := map[string]gitlabcitest.Fault{
		"0 is not the Status of a response":                                     {Executed: true},
		"1000 is not the Status of a response":                                  {Status: 1000},
		"-1 is not the Status of a response":                                    {Status: -1, Break: gitlabcitest.BreakStall},
		"a Body needs a Status":                                                 {Body: "x", Break: gitlabcitest.BreakStall},
		"a response with Status 304 has no body for a Truncate":                 {Status: 304, Break: gitlabcitest.BreakTruncate},
		"a response with Status 204 has no body for a Drip":                     {Status: 204, Break: gitlabcitest.BreakDrip},
		"a ResetUnread has neither Status nor Header":                           {Status: 502, Break: gitlabcitest.BreakResetUnread},
		"a ResetUnanswered has neither Status nor Header":                       {Header: header, Break: gitlabcitest.BreakResetUnanswered},
		"what is not read cannot be Executed":                                   {Executed: true, Break: gitlabcitest.BreakResetUnread},
		`"Explode" is not a Break`:                                              {Break: "Explode"},
		"After -1 bytes is negative":                                            {After: -1, Break: gitlabcitest.BreakStall},
		"only what breaks within the body has an After":                         {After: 1, Break: gitlabcitest.BreakStallHeader},
		"the Delay -1ns is negative":                                            {Delay: -1, Break: gitlabcitest.BreakStall},
		"only a Stall, a StallHeader, a Drip, a Late and a Repeat have a Delay": {Delay: 1, Break: gitlabcitest.BreakTruncate},
		"a Piece of -1 bytes is negative":                                       {Piece: -1, Break: gitlabcitest.BreakDrip},
		"only a Drip has a Piece":                                               {Piece: 1, Break: gitlabcitest.BreakStall},
		"the Nth is -1, which is negative":                                      {Nth: -1, Status: 502},
		"the Chance 1.5 is not between 0 and 1":                                 {Chance: 1.5, Status: 502},
		"the Chance -0.5 is not between 0 and 1":                                {Chance: -0.5, Status: 502},
		"the Chance NaN is not between 0 and 1":                                 {Chance: math.NaN(), Status: 502},
		"a Seed without a Chance draws nothing":                                 {Seed: 1, Status: 502},
	}
	srv := gitlabcitest.NewServer()
	for sentence, f := range tests {
		t.Run(sentence, func(t *testing.T) {
			require.PanicsWithValue(t, "gitlabcitest: Fault: "+sentence, func() { srv.Fault(f) })
		})
	}
	require.Equal(t, 200, get(t, srv, "/projects/1/pipelines").status)
	for _, f := range []gitlabcitest.Fault{
		{Header: header},
		{Break: gitlabcitest.BreakStallHeader, Status: 204, Delay: 1},
		{Break: gitlabcitest.BreakResetBody, Status: 502, Executed: true, After: 1},
		{Break: gitlabcitest.BreakDrip, Header: header, Executed: true, After: 1, Piece: 2, Delay: 1},
		{Break: gitlabcitest.BreakResetUnanswered, Nth: 2, Times: 3, Chance: 1, Seed: 1},
		{Break: gitlabcitest.BreakStall, Status: 200, Body: "x", Chance: 0.001},
	} {
		require.NotPanics(t, func() { srv.Fault(f) })
	}
}
