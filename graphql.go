package gitlabci

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// A GraphQLError is a response to [GraphQL] with errors.
type GraphQLError struct {
	Problems []GraphQLProblem // at least one
}

// A GraphQLProblem is one error of a [GraphQLError].
type GraphQLProblem struct {
	Message    string
	Path       string         // of the field, such as "project.pipelines.nodes[0]"; "" if it is about the whole query
	Extensions map[string]any // what else GitLab says, such as a "code", without secrets; nil if nothing
}

// Error returns the messages.
func (e *GraphQLError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		texts[i] = problem.Message
		if problem.Path != "" {
			texts[i] += " (at " + problem.Path + ")"
		}
	}
	return "gitlabci: POST /graphql: " + strings.Join(texts, "; ")
}

// GraphQL runs a query or a mutation of GitLab's GraphQL API, and decodes its data into a T;
// see [Fetch]. The token must have the scope "api", or "read_api" for queries.
//
//	POST /api/graphql
//
// See https://docs.gitlab.com/api/graphql/.
// A document with queries alone is retried as a read is. A mutation is retried only if it
// was not executed; the error matches [ErrOutcomeUnknown] if GitLab may have executed it.
// Subscriptions are refused. If the response has errors, the error is a [*GraphQLError], and
// there is no T, even if there is data as well. GitLab's mutations also return errors within
// their data: check these. Other errors are those of [Fetch].
//
// Servers repeat variables in errors. Give those that are secret as a [Secret].
func GraphQL[T any](ctx context.Context, c *Client, query string, variables map[string]any) (*T, error) {
	call, err := graphQLCall(c, query, variables)
	if err != nil {
		return nil, rest.Invalid(call.Endpoint(), err)
	}
	var object *T
	var failed *GraphQLError
	err = c.wire.Fetch(ctx, call, func(resp *rest.Response, body []byte) error {
		object, failed = nil, nil
		response, _, err := lenient.Foreign[*graphQLResponse](ctx, body)
		switch {
		case err != nil:
			return err
		case response.hasErrors():
			failed, err = graphQLFailure(ctx, body, response.Errors, resp.Secrets)
			return err
		}
		var left lenient.LeftOut
		object, left, err = lenient.Foreign[*T](ctx, response.Data)
		left.Log(ctx, c.wire.Config().Logger, call.Path.Template)
		if err != nil {
			return fmt.Errorf("%w: its data: %w", rest.ErrOther, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, failed
	}
	return object, nil
}

// graphQLCall describes the call for a document. The error says what is wrong with the
// document.
func graphQLCall(c *Client, query string, variables map[string]any) (*rest.Call, error) {
	call := rest.Once(http.MethodPost, rest.Path{Escaped: "/graphql", Template: "/graphql", Beside: true}, graphQLRequest{query, variables})
	call.Secrets = secretsIn(variables)
	kinds, err := operations(query)
	call.Once = kinds["mutation"]
	call.Harmless = !call.Once
	switch {
	case c == nil:
		err = errors.New("the client is nil")
	case kinds["subscription"]:
		err = errors.New("the document has a subscription, which needs another protocol")
	case len(kinds) == 0 && err == nil:
		err = errors.New("the document has no query and no mutation")
	}
	return call, err
}

type graphQLRequest struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

type graphQLResponse struct {
	Data   json.RawMessage `json:"data"`
	Errors json.RawMessage `json:"errors"`
}

// hasErrors reports whether there are errors, in whatever form.
func (r *graphQLResponse) hasErrors() bool {
	errs := bytes.TrimSpace(r.Errors)
	isEmpty := bytes.HasPrefix(errs, []byte("[")) && len(bytes.TrimSpace(errs[1:len(errs)-1])) == 0
	return len(errs) > 0 && string(errs) != "null" && !isEmpty
}

type graphQLErrors struct {
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
}

// graphQLFailure returns the errors of a response. If they are no list, as GraphQL wants
// them, what they say is one message.
func graphQLFailure(ctx context.Context, body []byte, raw json.RawMessage, secrets []secret.Value) (*GraphQLError, error) {
	found, _, err := lenient.Foreign[*graphQLErrors](ctx, body)
	if err != nil {
		return nil, err
	}
	e := &GraphQLError{}
	for _, one := range found.Errors {
		path := rest.Shorten(secret.Scrub(joinPath(one.Path), secrets), rest.MaxTitle)
		var extensions map[string]any
		if one.Extensions != nil {
			extensions = redactedJSON(one.Extensions, secrets).(map[string]any)
		}
		e.Problems = append(e.Problems, GraphQLProblem{graphQLMessage(one.Message, secrets), path, extensions})
	}
	if len(e.Problems) == 0 {
		message, _ := lenient.MessageOf(fmt.Appendf(nil, `{"message":%s}`, raw))
		e.Problems = []GraphQLProblem{{Message: graphQLMessage(message.Text, secrets)}}
	}
	return e, nil
}

func graphQLMessage(text string, secrets []secret.Value) string {
	text = rest.Shorten(secret.Scrub(secret.OneLine(text), secrets), rest.MaxMessage)
	return cmp.Or(text, "an error without a message")
}

// redactedJSON is what was decoded from JSON, without secrets in its texts.
func redactedJSON(value any, secrets []secret.Value) any {
	switch value := value.(type) {
	case string:
		return secret.Redact(value, secrets)
	case []any:
		for i := range value {
			value[i] = redactedJSON(value[i], secrets)
		}
	case map[string]any:
		redacted := make(map[string]any, len(value))
		for name, one := range value {
			redacted[secret.Redact(name, secrets)] = redactedJSON(one, secrets)
		}
		return redacted
	}
	return value
}

// joinPath writes the path of an error as JavaScript would.
func joinPath(path []any) string {
	var joined strings.Builder
	for _, step := range path {
		if index, ok := step.(float64); ok {
			joined.WriteString("[" + strconv.FormatFloat(index, 'f', -1, 64) + "]")
			continue
		}
		if joined.Len() > 0 {
			joined.WriteByte('.')
		}
		fmt.Fprint(&joined, step)
	}
	return joined.String()
}

// A document is a GraphQL document whose operations are being found. It knows just enough of
// the language for that: comments, strings, brackets and names.
type document struct {
	text     string // what follows the tokens that were read
	open     []byte // brackets that have not ended
	defining bool   // a definition has begun, and has not ended
	kinds    map[string]bool
}

// operations returns which kinds of operations a document has: "query", "mutation" and
// "subscription". The error is that of a document that is none.
func operations(text string) (kinds map[string]bool, err error) {
	d := &document{text: text, kinds: map[string]bool{}}
	for {
		token, err := d.token()
		switch {
		case err != nil:
			return d.kinds, err
		case token == "" && d.defining:
			return d.kinds, errors.New("the document ends within a definition")
		case token == "":
			return d.kinds, nil
		}
		if err := d.accept(token); err != nil {
			return d.kinds, err
		}
	}
}

// accept adds the next token to the definition that it is in, or begins a definition. It
// returns an error if the token cannot be there.
func (d *document) accept(token string) error {
	begun := d.defining
	switch c := token[0]; {
	case strings.IndexByte("{([", c) >= 0:
		d.open, d.defining = append(d.open, c), true
		if !begun && c == '{' {
			d.kinds["query"] = true
			return nil
		}
	case strings.IndexByte("})]", c) >= 0:
		if len(d.open) == 0 || !strings.Contains("{} () []", string([]byte{d.open[len(d.open)-1], c})) {
			return fmt.Errorf("the document has a %s that closes nothing", token)
		}
		d.open = d.open[:len(d.open)-1]
		d.defining = len(d.open) > 0 || c != '}' // only a selection ends it
	case token == "query" || token == "mutation" || token == "subscription" || token == "fragment":
		d.defining = true
		if !begun && token != "fragment" {
			d.kinds[token] = true
		}
		return nil
	}
	if !begun {
		return fmt.Errorf("the document has %q where an operation should begin", token)
	}
	return nil
}

// token returns the next name, string or other character, or "" at the end.
func (d *document) token() (string, error) {
	for {
		d.text = strings.TrimLeft(d.text, " \t\r\n,\uFEFF")
		if !strings.HasPrefix(d.text, "#") {
			break
		}
		line, _, _ := strings.Cut(strings.ReplaceAll(d.text, "\r", "\n"), "\n")
		d.text = d.text[len(line):]
	}
	length := strings.IndexFunc(d.text, func(r rune) bool { return !isNameRune(r) })
	switch {
	case strings.HasPrefix(d.text, `"`):
		length = stringLength(d.text)
		if length < 0 {
			return "", errors.New("the document has a string that does not end")
		}
	case length < 0:
		length = len(d.text)
	case length == 0:
		length = 1
	}
	token := d.text[:length]
	d.text = d.text[length:]
	return token, nil
}

func isNameRune(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// stringLength is the length of the string that a text begins with, or -1.
func stringLength(text string) int {
	quotes := `"`
	if strings.HasPrefix(text, `"""`) {
		quotes = `"""`
	}
	for i := len(quotes); i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], quotes):
			return i + len(quotes)
		case quotes == `"` && text[i] == '\n':
			return -1
		case quotes == `"` && text[i] == '\\':
			i++
		case strings.HasPrefix(text[i:], `\"""`):
			i += 3
		}
	}
	return -1
}
