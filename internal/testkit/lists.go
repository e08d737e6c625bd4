package testkit

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// NextPage is the Link header of GitLab, with its own name of the host.
func NextPage(query string) []string {
	return []string{"Link", "<https://" + OtherHost + "/api/v4/projects/1/jobs?" + query + `>; rel="next"`}
}

// An EachMethod is CancelEach, DeleteEach or RetryEach.
type EachMethod = func(*gitlabci.PipelinesService, context.Context, gitlabci.ProjectID, iter.Seq2[*gitlabci.PipelineInfo, error], *gitlabci.EachOptions) iter.Seq2[*gitlabci.EachResult, error]

// PipelinesOf is an iterator over pipelines of which nothing but the ID is
// known.
func PipelinesOf(ids ...gitlabci.PipelineID) iter.Seq2[*gitlabci.PipelineInfo, error] {
	return func(yield func(*gitlabci.PipelineInfo, error) bool) {
		for _, id := range ids {
			if !yield(&gitlabci.PipelineInfo{ID: id}, nil) {
				return
			}
		}
	}
}

// OtherHost is the name of the instance in its links, where it cannot be reached.
const OtherHost = "internal.example.net"

// NewListScript is a script whose links lead to [OtherHost], which must not be
// requested.
func NewListScript(t *testing.T, steps ...http.HandlerFunc) *Script {
	s := NewScript(steps...)
	s.Network.Handle(OtherHost, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the link was followed to another host: %s %s", r.Method, r.RequestURI)
	}))
	return s
}

// Link is a Link header's value as GitLab writes it.
func Link(query url.Values, rel string) string {
	return fmt.Sprintf(`<https://%s/another/api/v4/path?%s>; rel="%s"`, OtherHost, query.Encode(), rel)
}

// PipelineNumbers is what a list of pipelines yields: its IDs, and its errors. A
// list without an end is cut off.
func PipelineNumbers(seq iter.Seq2[*gitlabci.PipelineInfo, error]) (ids []int, errs []error) {
	for pipeline, err := range seq {
		if len(ids)+len(errs) == 1000 {
			break
		}
		if err != nil {
			errs = append(errs, err)
			continue // it should end by itself
		}
		ids = append(ids, int(pipeline.ID))
	}
	return ids, errs
}

// SortedKeys returns the keys of m.
func SortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// AllCases is what a range over test cases yields: the cases, and the error at
// its end.
func AllCases(t testing.TB, seq iter.Seq2[*gitlabci.TestCase, error]) (cases []gitlabci.TestCase, end error) {
	t.Helper()
	for test, err := range seq {
		require.NoError(t, end, "the error was not the end")
		if err != nil {
			require.Nil(t, test)
			end = err
			continue
		}
		cases = append(cases, *test)
	}
	return cases, end
}

// CasesOfReport is what a report says by its suites.
func CasesOfReport(report *gitlabci.TestReport) (cases []gitlabci.TestCase) {
	for _, suite := range report.TestSuites {
		for _, test := range suite.TestCases {
			test.SuiteName = suite.Name
			cases = append(cases, test)
		}
	}
	return cases
}

// Drain ranges over a list to its end or its error.
func Drain[T any](seq func(func(*T, error) bool)) error {
	var last error
	seq(func(_ *T, err error) bool {
		last = err
		return true
	})
	return last
}

// Collect returns the items of a list up to its end, or to its error.
func Collect[T any](items iter.Seq2[*T, error]) (all []*T, err error) {
	for item, err := range items {
		if err != nil {
			return all, err
		}
		all = append(all, item)
	}
	return all, nil
}
