package gitlabci

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-querystring/query"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/pages"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// An Endpoint is a path of GitLab's REST API that has no method of its own here. It is
// made by [At].
type Endpoint struct{ path rest.Path }

// String returns the template of the path, such as "/projects/:id/issues", by which
// logs, errors and [Hooks] name the endpoint.
func (e Endpoint) String() string { return e.path.Template }

// At returns the endpoint at a template in the form of GitLab's documentation, below
// /api/v4. Each name that begins with a colon stands for one of the values, in their
// order:
//
//	gitlabci.At("/projects/:id/merge_requests/:iid/notes", project, 12)
//
// A value is a string or an integer, or of a type that is one, such as [ProjectID]. It
// is escaped whole, slashes included. Numbers are above zero.
//
// If something is wrong, the calls with the endpoint return an error that matches
// [ErrInvalid], and send nothing.
func At(template string, values ...any) Endpoint {
	path, err := pathAt(template, values)
	path.Err = err
	return Endpoint{path}
}

// Fetch reads the object at an endpoint:
//
//	GET e
//
// See https://docs.gitlab.com/api/rest/.
// Opts are the query: nil, [url.Values], or a struct, or a pointer to one, with the tags of
// github.com/google/go-querystring. A token in the query is refused.
//
// T is any type with tags for encoding/json, such as a struct of the fields that you need.
// Values are read as tolerantly as for the types of this package: numbers in strings, strings
// for numbers, and all forms of time that GitLab has used. A value that does not fit is left
// out. If only encoding/json can decode T, such as a T that reads JSON itself, no value is
// converted. Retries, limits and errors are those of the methods of this package: see
// [APIError].
func Fetch[T any](ctx context.Context, c *Client, e Endpoint, opts any) (*T, error) {
	query, err := queryOf(opts, 0)
	call := rest.Read(e.path, query)
	call.Err = e.check(c, err)
	if call.Err != nil {
		return nil, rest.Invalid(call.Endpoint(), call.Err)
	}
	return sendDecode(ctx, c, call, decodeForeign[*T])
}

// check returns an error if the endpoint, the client or the options are wrong.
func (e Endpoint) check(c *Client, options error) error {
	switch {
	case c == nil:
		return errors.New("the client is nil")
	case e.path.Err != nil:
		return e.path.Err
	case e.path.Escaped == "":
		return errors.New("the endpoint is empty; make it with At")
	}
	return options
}

func decodeForeign[P any](ctx context.Context, body []byte) (P, lenient.LeftOut, error) {
	object, left, err := lenient.Foreign[P](ctx, body)
	switch {
	case err == nil:
		err = checkEntity(object)
	case errors.Is(err, lenient.ErrNotObject) && bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")):
		err = rest.Explained(fmt.Errorf("%w: it is a list; use FetchAll, or a slice as T", err))
	}
	return object, left, err
}

// SendOptions are optional settings of [Send].
type SendOptions struct {
	// Repeatable says that the request can be executed twice without doing more than
	// once, as a PUT that sets a value. It is then retried as a read is.
	Repeatable bool

	// Secrets are values in the body that no error and no log may show, as is each [Secret].
	// They need at least 8 characters: shorter ones are not removed from texts.
	Secrets []string
}

// Send writes to an endpoint by a method such as POST, PUT, PATCH or DELETE, with body
// as JSON: a struct or a map, or nil for none. The response is a T; see [Fetch]. It is a new
// T if GitLab sends 204, or 202 without a body. If T is struct{}, any JSON is accepted and
// ignored. A 200 or 201 without a body is an error, since a proxy may have sent it.
//
// A DELETE is retried as the methods of this package are, and so are other methods with
// [SendOptions.Repeatable]. Without it, a request is retried only if it was not
// executed. The error matches [ErrOutcomeUnknown] if GitLab may have executed it.
//
// See https://docs.gitlab.com/api/rest/.
func Send[T any](ctx context.Context, c *Client, method string, e Endpoint, body any, opts *SendOptions) (*T, error) {
	opts = cmp.Or(opts, &SendOptions{})
	call := rest.Once(method, e.path, body)
	call.Once, call.Secrets = !opts.Repeatable && method != http.MethodDelete, secretsIn(body)
	for _, text := range opts.Secrets {
		call.Secrets = append(call.Secrets, secret.New(text))
	}
	call.Err = e.check(c, checkSend(method, body))
	if call.Err != nil {
		return nil, rest.Invalid(call.Endpoint(), call.Err)
	}
	object := new(T) // which a DELETE of what is gone already returns, too
	isSilent := reflect.TypeFor[T]() == reflect.TypeFor[struct{}]()
	read := func(resp *rest.Response, body []byte) error {
		switch {
		case isNoContent(resp, body):
			return nil
		case isSilent:
			return lenient.CheckJSON(body)
		}
		decoded, left, err := decodeForeign[*T](ctx, body)
		left.Log(ctx, c.wire.Config().Logger, call.Path.Template)
		object = cmp.Or(decoded, object)
		return err
	}
	var err error
	if isSilent && method == http.MethodDelete {
		err = c.wire.Discard(ctx, call)
	} else {
		err = c.wire.Fetch(ctx, call, read)
	}
	if err != nil {
		return nil, err
	}
	return object, nil
}

// isNoContent reports whether a success has no body, as it may: 200 and 201 announce an
// object.
func isNoContent(resp *rest.Response, body []byte) bool {
	return resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusAccepted && len(bytes.TrimSpace(body)) == 0
}

func checkSend(method string, body any) error {
	if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, method) {
		return fmt.Errorf("the method %q is not POST, PUT, PATCH or DELETE; Fetch reads", method)
	}
	switch body.(type) {
	case io.Reader, string, []byte:
		return fmt.Errorf("the body is a %T; give a struct or a map, which is sent as JSON", body)
	}
	return nil
}

// FetchPage reads one page of the list at an endpoint, whose items are of type T; see
// [Fetch]. Opts that embed [ListOptions] select the page.
//
//	GET e
//
// See https://docs.gitlab.com/api/rest/#pagination.
func FetchPage[T any](ctx context.Context, c *Client, e Endpoint, opts any) (*Page[T], error) {
	query, err := queryOf(opts, 0)
	if err = e.check(c, err); err != nil {
		return nil, rest.Invalid("GET "+e.String(), err)
	}
	p, err := foreignPages[*T](c, e.path)(ctx, query)
	if err != nil {
		return nil, err
	}
	return pageOf(p), nil
}

// FetchAll ranges over the list at an endpoint, from the page that opts select, by page
// numbers or by cursors as GitLab serves it. The items are of type T; see [Fetch].
//
//	GET e
//
// See https://docs.gitlab.com/api/rest/#pagination.
// It requests 100 items a page, unless opts say otherwise, and nothing before the loop or
// after its end. Opts that embed [ListOptions] can also continue a list, or prefetch.
//
// If T has an integer field named "id" in JSON, no item is yielded twice. With order_by=id
// and a sort in opts, every item that stays in the list is yielded exactly once. The same is
// true for order_by=updated_at and a sort if T has a time named "updated_at", too, but an item
// that changed is yielded again. Otherwise items can be missed or, without an ID, yielded
// twice while the list changes.
func FetchAll[T any](ctx context.Context, c *Client, e Endpoint, opts any) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		query, err := queryOf(opts, 100)
		if err = e.check(c, err); err != nil {
			yield(nil, rest.Invalid("GET "+e.String(), err))
			return
		}
		list := listOf(c, foreignPages[*T](c, e.path), query, foreignOptions(opts).Prefetch)
		if key := keysOf(reflect.TypeFor[T]()); key != nil {
			list.Key, list.Order = key, foreignOrder(query)
		}
		list.Range(ctx, query, yield)
	}
}

func foreignPages[P any](c *Client, p rest.Path) pages.Request[P] {
	return func(ctx context.Context, query url.Values) (*pages.Page[P], error) {
		page, _, err := readPage(ctx, c, rest.Read(p, query), lenient.ForeignList[P])
		return page, err
	}
}

// foreignOrder is what a list is sorted by, if its query says so.
func foreignOrder(query url.Values) pages.Order {
	ascending := Sort(query.Get("sort")) == SortAsc
	switch {
	case !query.Has("sort"):
	case query.Get("order_by") == "id":
		return pages.ByID(ascending)
	case query.Get("order_by") == "updated_at":
		return pages.ByTime(ascending)
	}
	return pages.Unordered()
}

// keysOf returns the key of items of a caller's type, or nil if they have no ID.
func keysOf(t reflect.Type) func(item any) (id int64, changed time.Time, ok bool) {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[identified]()) {
		return keyOf
	}
	id, changed := lenient.FieldNamed(t, "id"), lenient.FieldNamed(t, "updated_at")
	if id == nil || !reflect.Zero(t).FieldByIndex(id).CanInt() {
		return nil
	}
	return func(item any) (int64, time.Time, bool) {
		v := reflect.ValueOf(item).Elem()
		if changed == nil {
			return v.FieldByIndex(id).Int(), time.Time{}, true
		}
		return v.FieldByIndex(id).Int(), timeIn(v.FieldByIndex(changed)), true
	}
}

// timeIn is the time in a field, or zero.
func timeIn(v reflect.Value) time.Time {
	if at, ok := reflect.TypeAssert[*time.Time](v); ok && at != nil {
		return *at
	}
	at, _ := reflect.TypeAssert[time.Time](v)
	return at
}

// queryOf is the query that a caller's options stand for.
func queryOf(opts any, perPage int) (url.Values, error) {
	values, err := valuesOf(opts)
	if err != nil {
		return nil, err
	}
	for _, name := range secretParameters {
		if values.Has(name) {
			return nil, fmt.Errorf("the options have the parameter %s, which must not be in a URL; give the token to the client", name)
		}
	}
	_, plain := opts.(url.Values)
	isCursor := !plain && !isNil(opts) && foreignOptions(opts).After != "" // which keeps its own page size
	if perPage > 0 && !values.Has("per_page") && !isCursor {
		values.Set("per_page", strconv.Itoa(perPage))
	}
	return values, nil
}

func valuesOf(opts any) (url.Values, error) {
	if isNil(opts) {
		return url.Values{}, nil
	}
	if values, ok := opts.(url.Values); ok {
		return maps.Clone(values), nil
	}
	if reflect.Indirect(reflect.ValueOf(opts)).Kind() != reflect.Struct {
		return nil, fmt.Errorf("the options are a %T; give nil, url.Values or a struct", opts)
	}
	o := foreignOptions(opts)
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.After == "" {
		return query.Values(opts)
	}
	return cursorQuery(o.After, parametersOf(reflect.Indirect(reflect.ValueOf(opts)).Type())...)
}

// parametersOf are the names that a struct of options has in a query.
func parametersOf(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("url"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			names = append(names, parametersOf(f.Type)...)
		case slices.Contains(strings.Split(options, ","), "brackets"):
			names = append(names, name+"[]")
		default:
			names = append(names, cmp.Or(name, f.Name))
		}
	}
	return names
}

// isNil reports whether options are nil, or a nil pointer or map.
func isNil(opts any) bool {
	v := reflect.ValueOf(opts)
	return !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Map) && v.IsNil()
}

// foreignOptions are the ListOptions that a caller's options embed, if they do.
func foreignOptions(opts any) ListOptions {
	if of, ok := opts.(listing); ok && !isNil(opts) {
		return of.listOptions()
	}
	return ListOptions{}
}
