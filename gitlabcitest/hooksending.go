package gitlabcitest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// send makes a delivery and keeps its result. The lock is held, but not during the
// delivery.
func (s *Server) send(ctx context.Context, d *hookDelivery, hit *fault) *hookLog {
	at := s.clock.now()
	header := s.hookHeader(d, at)
	l := &hookLog{delivery: d, url: d.hook.url, at: at, requestHeaders: loggedHeaders(header, d.hook)}
	target, insecure, handler := d.hook.interpolated(), d.hook.insecure, d.hook.handler
	body, err := d.hook.render(d.body)
	s.mu.Unlock()
	begun := time.Now()
	if err == nil {
		var resp *http.Response
		if resp, err = s.exchangeWith(ctx, handler, target, insecure, header, body, hit); err == nil {
			l.read(resp)
		}
	}
	if err != nil {
		l.status, l.responseBody = 0, err.Error()
	}
	l.took = time.Since(begun)
	s.mu.Lock()
	s.state.hookQueue.lastLog++
	l.id = s.state.hookQueue.lastLog
	d.hook.keep(l)
	d.hook.countResult(l.status/100 == 2 || l.status/100 == 3, s.clock.now())
	return l
}

// hookTimeout is how long GitLab waits for the response to a delivery.
const hookTimeout = 10 * time.Second

// exchangeWith sends a delivery, unless a fault keeps it from that, and returns the response
// or the fault's.
func (s *Server) exchangeWith(ctx context.Context, handler http.Handler, target string, insecure bool, header http.Header, body []byte, hit *fault) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	var resp *http.Response
	var err error
	if hit == nil || hit.reaches() {
		resp, err = s.hookClient(handler, target, insecure).Do(hookRequest(ctx, target, header, body))
	}
	if err == nil && hit != nil {
		err = hit.respondToHook(ctx, &resp)
	}
	if err != nil {
		cancel()
		if resp != nil {
			resp.Body.Close()
		}
		return nil, err
	}
	resp.Body = &cancelingBody{resp.Body, cancel}
	return resp, nil
}

// A cancelingBody ends the context of its request when it is closed.
type cancelingBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *cancelingBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

func hookRequest(ctx context.Context, target string, header http.Header, body []byte) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		panic(fmt.Sprintf("gitlabcitest: a hook has the URL %q, which was checked: %v", target, err))
	}
	req.Header = header
	return req
}

// hookClient makes one request. It keeps no connections, and follows no redirects.
func (s *Server) hookClient(handler http.Handler, target string, insecure bool) *http.Client {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	u, err := url.Parse(target)
	if err == nil && handler != nil {
		s.deliverer.network.Handle(u.Hostname(), handler)
		client.Transport = s.deliverer.network.Transport()
		return client
	}
	client.Transport = &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: insecure}}
	return client
}

// hookHeader are the headers of a delivery that is made at a time. Headers of the hook's
// owner are first, and replace none of GitLab's.
func (s *Server) hookHeader(d *hookDelivery, at time.Time) http.Header {
	h, before := d.hook, (&renderer{version: s.state.version}).before
	header := http.Header{}
	for key, value := range h.headers {
		header.Set(key, value)
	}
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "GitLab/"+s.state.version.String()+".0")
	header.Set("X-Gitlab-Event", hookTitle(d.event))
	header.Set("X-Gitlab-Instance", s.external)
	header.Set("X-Gitlab-Event-Uuid", d.uuid)
	if !before(16, 2) {
		header.Set("X-Gitlab-Webhook-Uuid", s.state.hookQueue.nextUUID())
	}
	if !before(17, 4) {
		header.Set("Idempotency-Key", d.key)
	}
	if h.token != "" {
		header.Set("X-Gitlab-Token", h.token)
	}
	if before(19, 0) {
		return header
	}
	stamp := strconv.FormatInt(s.clock.realTime(at).Unix(), 10)
	header.Set("Webhook-Id", d.key)
	header.Set("Webhook-Timestamp", stamp)
	if key := h.key(); key != nil {
		body, _ := h.render(d.body) // of one that fails nothing is sent
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", d.key, stamp, body)
		header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return header
}

// hookTitle is what X-Gitlab-Event calls an event.
func hookTitle(event HookEvent) string {
	word := strings.TrimSuffix(string(event), "_events")
	return capitalized(word) + " Hook"
}

// A templateError is that of a template that makes no JSON. GitLab keeps it in place of an
// response.
type templateError struct{}

func (templateError) Error() string {
	return "Error while parsing rendered custom webhook template: unexpected token"
}

var templateValue = regexp.MustCompile(`{{(.+?)}}`)

// render is the body of a delivery: the payload, or the hook's template with values such as
// "{{build.id}}".
func (h *hook) render(payload []byte) ([]byte, error) {
	if h.template == "" {
		return payload, nil
	}
	var data any
	if err := json.Unmarshal(payload, &data); err != nil {
		return nil, err
	}
	body := templateValue.ReplaceAllStringFunc(h.template, func(place string) string {
		value := data
		for name := range strings.SplitSeq(strings.Trim(place, "{}"), ".") {
			fields, _ := value.(map[string]any)
			value = fields[name]
		}
		text := string(shape.Encode(value))
		if _, isText := value.(string); isText {
			text = text[1 : len(text)-1]
		}
		return text
	})
	if !json.Valid([]byte(body)) {
		return nil, templateError{}
	}
	return []byte(body), nil
}

// loggedHeaders are headers as GitLab keeps them.
func loggedHeaders(header http.Header, h *hook) map[string]string {
	kept := map[string]string{}
	for name, values := range header {
		kept[name] = strings.Join(values, ", ")
	}
	for key, value := range h.headers {
		if header.Get(key) == value { // and GitLab's own has not replaced it
			kept[http.CanonicalHeaderKey(key)] = redactedValue
		}
	}
	if h.token != "" {
		kept["X-Gitlab-Token"] = redactedValue
	}
	return kept
}

const (
	mostHookResponse = 8 << 10 // bytes of a response that are kept
	mostHookHeaders  = 50
)

// read keeps a response, as far as GitLab does.
func (l *hookLog) read(resp *http.Response) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostHookResponse))
	l.status, l.responseBody, l.responseHeaders = resp.StatusCode, strings.ToValidUTF8(string(body), ""), map[string]string{}
	if err != nil {
		l.status, l.responseBody = 0, err.Error()
	}
	for _, name := range slices.Sorted(maps.Keys(resp.Header))[:min(mostHookHeaders, len(resp.Header))] {
		l.responseHeaders[name] = resp.Header.Get(name)
	}
}

// word is the status of a response in GitLab's words.
func (l *hookLog) word() string {
	if l.status == 0 {
		return "internal error"
	}
	return strconv.Itoa(l.status)
}

// HookRoute is the Route of a [Fault] that hits deliveries to hooks. With Status, GitLab
// gets the Status, and the hook's receiver gets the delivery only if the fault is Executed.
// [BreakResetUnread] and [BreakResetUnanswered] end the connection in the same way.
// [BreakStallHeader] delays the response. [BreakLose], [BreakRepeat] and [BreakLate] are
// for deliveries only.
const HookRoute = "hook"

// reaches reports whether a delivery reaches its receiver.
func (f *fault) reaches() bool {
	switch f.Break {
	case BreakRepeat, BreakStallHeader:
		return true
	}
	return f.Executed
}

// respondToHook is what GitLab gets of a delivery that was hit: resp, or something else in
// its place.
func (f *fault) respondToHook(ctx context.Context, resp **http.Response) error {
	switch {
	case f.Break == BreakRepeat:
		return nil
	case f.Break == BreakStallHeader:
		select {
		case <-time.After(cmp.Or(f.Delay, 2*hookTimeout)):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	case f.Break.unanswered():
		if *resp != nil {
			(*resp).Body.Close()
			*resp = nil
		}
		return io.ErrUnexpectedEOF
	}
	if *resp != nil {
		(*resp).Body.Close()
	}
	page := f.response(nil)
	content, _ := page.body.([]byte)
	*resp = &http.Response{StatusCode: f.Status, Header: page.header, Body: io.NopCloser(bytes.NewReader(content))}
	return nil
}
