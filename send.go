package gitlabci

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

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
	if call.Err = e.check(c, checkSend(method, body)); call.Err != nil {
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
