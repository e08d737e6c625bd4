package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/rest"
)

// A filterable item reports which filter of a query it contradicts. GitLab ignores
// parameters that it does not know. So an older server lists items that the filter
// excludes, and a caller may delete them.
type filterable interface {
	// contradicts returns the parameter that does not match, or "", and what the
	// item has instead. An item without the filtered field contradicts the filter.
	contradicts(query url.Values) (parameter, has string)
	entity
}

// matching requests pages of the list at p by request. A page with an item that
// the filters exclude is an error.
func matching[P any](request pages.Request[P], p rest.Path) pages.Request[P] {
	return func(ctx context.Context, query url.Values) (*pages.Page[P], error) {
		page, err := request(ctx, query)
		if err == nil {
			err = checkPage(page, query, p)
		}
		if err != nil {
			return nil, err
		}
		return page, nil
	}
}

func checkPage[P any](page *pages.Page[P], query url.Values, p rest.Path) error {
	if page == nil || !slices.ContainsFunc(checkedFilters, query.Has) {
		return nil
	}
	for _, item := range page.Items {
		if err := checkFilters(any(item), query, p); err != nil {
			return err
		}
	}
	return nil
}

func checkFilters(item any, query url.Values, p rest.Path) error {
	one, ok := item.(filterable)
	if !ok {
		return nil
	}
	parameter, has := one.contradicts(query)
	if parameter == "" {
		return nil
	}
	return rest.Errorf("GET %s: %w: the server ignores the parameter %s: it lists %s, which has %s",
		p.Escaped, errors.ErrUnsupported, parameter, one.label(), has)
}

// checkedFilters are the parameters that an item can contradict.
var checkedFilters = []string{
	"status", "scope", "scope[]", "ref", "sha", "source", "name", "pipeline_id", "updated_after", "updated_before", "created_after", "created_before",
	"visibility", "topic", "archived", "last_activity_after", "id_after",
	"state", "source_branch", "target_branch", "author_username", "labels", "iids[]", "since", "until", "states", "environment",
}

// A filter is a parameter of a query, and a test whether an item fits a value.
type filter struct {
	parameter string
	has       string
	fits      func(wanted string) bool
}

// mismatch finds the first filter of a query of which no value fits the item.
func mismatch(query url.Values, filters []filter) (parameter, has string) {
	for _, f := range filters {
		wanted := slices.DeleteFunc(slices.Clone(query[f.parameter]), func(value string) bool { return value == "" })
		if len(wanted) > 0 && !slices.ContainsFunc(wanted, f.fits) {
			return f.parameter, cmp.Or(f.has, "none")
		}
	}
	return "", ""
}

func exactly(parameter, value string) filter {
	return filter{parameter, fmt.Sprintf("%q", rest.Shorten(value, rest.MaxTitle)), func(wanted string) bool { return wanted == value }}
}

// timeStep is the precision of the times that GitLab sends. Its filters compare
// times in full precision.
const timeStep = time.Millisecond

// since and until are filters of a time. A value that cannot be parsed passes: it
// was not written by this package.
func since(parameter string, at time.Time) filter {
	return filter{parameter, timeText(at), func(wanted string) bool {
		bound, ok := lenient.ParseTime(wanted)
		return !ok || isKnown(at) && at.Add(timeStep).After(bound)
	}}
}

func until(parameter string, at time.Time) filter {
	return filter{parameter, timeText(at), func(wanted string) bool {
		bound, ok := lenient.ParseTime(wanted)
		return !ok || isKnown(at) && !at.After(bound)
	}}
}

func timeText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}

// isKnown reports whether there is a time, and it is certain which one: of a zone
// that has only a name, such as PST, package time does not know the offset.
func isKnown(at time.Time) bool {
	name, offset := at.Zone()
	return !at.IsZero() && (offset != 0 || name == "" || name == "UTC" || name == "GMT")
}

func (p *PipelineInfo) contradicts(query url.Values) (parameter, has string) {
	return mismatch(query, []filter{
		exactly("status", string(p.Status)),
		{"scope", fmt.Sprintf("%q", p.Status), p.inScope},
		exactly("ref", p.Ref),
		{"sha", fmt.Sprintf("%q", p.SHA), func(wanted string) bool { return strings.EqualFold(wanted, p.SHA) }},
		exactly("source", string(p.Source)),
		{"name", fmt.Sprintf("%q", rest.Shorten(p.Name, rest.MaxTitle)), func(wanted string) bool { return strings.TrimSpace(wanted) == strings.TrimSpace(p.Name) }},
		since("updated_after", p.UpdatedAt),
		until("updated_before", p.UpdatedAt),
		since("created_after", p.CreatedAt),
		until("created_before", p.CreatedAt),
	})
}

// inScope checks the scopes that depend on the status. Whether a pipeline is the
// newest of a branch or a tag cannot be checked.
func (p *PipelineInfo) inScope(scope string) bool {
	switch PipelineScope(scope) {
	case PipelineScopeRunning:
		return p.Status == StatusRunning
	case PipelineScopePending:
		return p.Status == StatusPending
	case PipelineScopeFinished:
		return p.Status.Finished() && p.Status != StatusSkipped
	case PipelineScopeBranches, PipelineScopeTags:
		return true
	}
	return false
}

func (j *JobInfo) contradicts(query url.Values) (parameter, has string) {
	return mismatch(query, []filter{
		exactly("scope[]", string(j.Status)),
		exactly("scope", string(j.Status)),
		exactly("ref", j.Ref),
	})
}

func (s *CommitStatus) contradicts(query url.Values) (parameter, has string) {
	return mismatch(query, []filter{
		exactly("ref", s.Ref),
		exactly("name", s.Name),
		exactly("pipeline_id", fmt.Sprint(s.PipelineID)),
	})
}

func (s *Schedule) contradicts(query url.Values) (parameter, has string) {
	return mismatch(query, []filter{{"scope", fmt.Sprintf("active %t", s.Active), func(wanted string) bool {
		return wanted == map[bool]string{true: "active", false: "inactive"}[s.Active]
	}}})
}

// contradicts checks the status of a delivery, which can be wanted by several words.
func (e *WebhookEvent) contradicts(query url.Values) (parameter, has string) {
	return mismatch(query, []filter{{"status", fmt.Sprintf("%q", e.ResponseStatus), func(wanted string) bool {
		return slices.ContainsFunc(strings.Split(wanted, ","), e.hasStatus)
	}}})
}

func (e *WebhookEvent) hasStatus(word string) bool {
	class := map[string]string{"successful": "2", "client_failure": "4", "server_failure": "5"}[strings.TrimSpace(word)]
	isError := class == "5" && e.ResponseStatus == "internal error"
	return strings.TrimSpace(word) == e.ResponseStatus || isError || class != "" && strings.HasPrefix(e.ResponseStatus, class)
}

// orderOf is what a list of P with this query is sorted by.
func orderOf[P any](query url.Values) pages.Order {
	var item P
	if _, ok := any(item).(identified); !ok {
		return pages.Unordered()
	}
	order := defaultOrder[P]()
	ascending := order.ascending
	if sort := query.Get("sort"); sort != "" {
		ascending = Sort(sort) == SortAsc
	}
	switch by := cmp.Or(query.Get("order_by"), order.by); {
	case slices.Contains(order.ids, by):
		return pages.ByID(ascending)
	case slices.Contains(order.times, by):
		return pages.ByTime(ascending)
	}
	return pages.Unordered()
}

// A listOrder is what the lists of a type are sorted by, in GitLab's words.
type listOrder struct {
	by        string   // unless a query has order_by
	ascending bool     // unless a query has sort
	ids       []string // what is the same as the order of IDs
	times     []string // what is the order of times that items show
	mobile    bool     // whether items can join a list anywhere, such as projects that the user may see from now on
}

// defaultOrder is the order of the lists of P, which needs no item.
func defaultOrder[P any]() listOrder {
	var item P
	if one, ok := any(item).(interface{ listOrder() listOrder }); ok {
		return one.listOrder()
	}
	return newestFirst
}

var (
	newestFirst = listOrder{by: "id", ids: []string{"id"}, times: []string{"updated_at"}}
	oldestFirst = listOrder{by: "id", ids: []string{"id"}, times: []string{"updated_at"}, ascending: true}
)

func (*CommitStatus) listOrder() listOrder { return oldestFirst }
func (*Schedule) listOrder() listOrder     { return oldestFirst }
func (*Trigger) listOrder() listOrder      { return oldestFirst }
func (*Webhook) listOrder() listOrder      { return oldestFirst }

// A timed item has more than one time that its lists can be ordered by.
type timed interface {
	timeOf(order string) time.Time // zero if that is not the order of a time
}

// keyBy is keyOf for a list with this order_by.
func keyBy(order string) func(item any) (id int64, changed time.Time, ok bool) {
	return func(item any) (id int64, changed time.Time, ok bool) {
		id, changed, ok = keyOf(item)
		if one, isTimed := item.(timed); isTimed {
			changed = one.timeOf(order)
		}
		return id, changed, ok
	}
}

// fixedParameters do not depend on anything of an item that can change. In a list with these
// parameters alone, an item that has left the list never comes back.
var fixedParameters = []string{
	"page", "per_page", "cursor", "pagination", "order_by", "sort", "id", "pipeline_id", "job_id", "pipeline_schedule_id", "merge_request_iid",
	"ref", "sha", "source", "username", "created_after", "created_before", "include_retried", "path", "recursive",
	"simple", "view", "source_branch", "author_username", "iids[]", "environment",
}

// isFiltered reports whether items can join or leave the list of a query because they
// change.
func isFiltered(query url.Values) bool {
	for name := range query {
		if !slices.Contains(fixedParameters, name) {
			return true
		}
	}
	return false
}

// isSettled reports whether a list of P never changes, as that of the files in an
// archive.
func isSettled[P any]() bool {
	var item P
	_, ok := any(item).(*ArtifactEntry)
	return ok
}

// keyOf returns what identifies an item of a list, and when it has changed.
func keyOf(item any) (id int64, changed time.Time, ok bool) {
	if it, ok := item.(identified); ok {
		id, changed = it.identity()
		return id, changed, true
	}
	if named, ok := item.(interface{ placeKey() int64 }); ok {
		return named.placeKey(), time.Time{}, true
	}
	return 0, time.Time{}, false
}
