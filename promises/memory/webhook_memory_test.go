package memory_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/webhook"
)

const (
	webhookReceiver = "GITLABCI_TEST_RECEIVER" // has a copy of this program receive webhooks; it is how long a body may take
	webhookPeak     = 64 << 20                 // what a receiver may make resident, whatever it is sent
	webhookEvents   = 50_000                   // the most requests
	webhookToken    = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

var webhookRequests = flag.Int("webhooks", 1280, "how many requests TestWebhookResidentMemory sends, 50000 at most")

// receiverChild receives webhooks until its input ends. It prints its URL, and then
// how many events were handled once, how many more than once, and its peak memory.
func receiverChild() error {
	timeout, err := time.ParseDuration(os.Getenv(webhookReceiver))
	if err != nil {
		return err
	}
	v, err := webhook.NewVerifier(webhook.SigningToken(webhookToken))
	if err != nil {
		return err
	}
	var handled [webhookEvents]atomic.Uint32
	h := webhook.NewHandler(v, func(_ context.Context, e *webhook.Event) error {
		n, err := strconv.Atoi(e.ID)
		if err != nil || e.Pipeline == nil {
			return fmt.Errorf("a forged event: %v, %w", e, err)
		}
		handled[n].Add(1)
		return nil
	}, &webhook.HandlerOptions{BodyTimeout: timeout, Error: func(e *webhook.Event, err error) {
		if e != nil {
			fmt.Fprintln(os.Stderr, e, err)
		}
	}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: h, MaxHeaderBytes: 16 << 10}
	go server.Serve(listener)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	if err := errors.Join(server.Close(), h.Shutdown(context.Background())); err != nil {
		return err
	}
	once, more := 0, 0
	for i := range handled {
		switch handled[i].Load() {
		case 0:
		case 1:
			once++
		default:
			more++
		}
	}
	peak, err := memoryResident()
	fmt.Println(once, more, peak)
	return err
}

// receiver starts a copy of this program that receives webhooks. The function that it
// returns ends it, and returns what it printed.
func receiver(t testing.TB, timeout time.Duration) (url string, end func() (once, more int, peak int64)) {
	t.Helper()
	child := memoryCopy(t, webhookReceiver+"="+timeout.String())
	child.Env = append(child.Env, "GOCOVERDIR="+t.TempDir()) // or a program that measures coverage complains
	var problems strings.Builder
	child.Stderr = &problems
	input, err := child.StdinPipe()
	require.NoError(t, err)
	output, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewReader(output)
	address, err := lines.ReadString('\n')
	require.NoError(t, err)
	return "http://" + strings.TrimSpace(address), func() (once, more int, peak int64) {
		require.NoError(t, input.Close())
		_, err := fmt.Fscan(lines, &once, &more, &peak)
		require.NoError(t, err)
		require.NoError(t, child.Wait())
		require.Empty(t, problems.String())
		return once, more, peak
	}
}

// webhookRequest is a request that is signed as GitLab does.
func webhookRequest(t testing.TB, url, id string, at time.Time, body func() io.Reader, length int64) *http.Request {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(webhookToken, "whsec_"))
	if err != nil {
		t.Error(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	io.Copy(mac, body())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body())
	if err != nil {
		t.Error(err)
	}
	r.ContentLength = length
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}

// pipelineBody is a pipeline event with a commit message of that many bytes.
func pipelineBody(message int64) (body func() io.Reader, length int64) {
	const start, end = `{"object_kind":"pipeline","object_attributes":{"id":31,"status":"success"},"commit":{"id":"abc","message":"`, `"}}`
	body = func() io.Reader {
		return io.MultiReader(strings.NewReader(start), io.LimitReader(letters{}, message), strings.NewReader(end))
	}
	return body, message + int64(len(start+end))
}

type letters struct{}

var manyLetters = []byte(strings.Repeat("x", 64<<10))

func (letters) Read(p []byte) (int, error) { return copy(p, manyLetters), nil }

// do sends a request, and returns the status, or 0 if the server has hung up on a body
// that it does not want.
func do(t testing.TB, client *http.Client, r *http.Request) int {
	response, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
	return response.StatusCode
}

// hostile sends something that no hook would send, and returns the statuses that it may
// get.
func hostile(t testing.TB, client *http.Client, url string, kind, id int) (status int, want []int) {
	body, length := pipelineBody(3000)
	now := time.Now()
	switch kind {
	case 0: // forged
		r := webhookRequest(t, url, "forged", now, body, length)
		r.Header.Set("webhook-id", strconv.Itoa(id))
		return do(t, client, r), []int{401}
	case 1: // replayed, perhaps before it is played
		return do(t, client, webhookRequest(t, url, strconv.Itoa(id+1), now, body, length)), []int{200, 202}
	case 2: // old
		return do(t, client, webhookRequest(t, url, strconv.Itoa(id), now.Add(-time.Hour), body, length)), []int{401}
	case 3: // huge, as it says
		r := webhookRequest(t, url, strconv.Itoa(id), now, body, length)
		r.ContentLength, r.Body = 30<<20, io.NopCloser(letters{})
		return do(t, client, r), []int{413, 0}
	case 4: // slow
		r := webhookRequest(t, url, strconv.Itoa(id), now, body, length)
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(body(), length-1), drip{}))
		return do(t, client, r), []int{408, 0}
	case 5: // huge or forged, without saying so; a huge one may take too long
		size := int64(24 << 20)
		if id/160%10 != 5 {
			size = 100_000
		}
		r := webhookRequest(t, url, strconv.Itoa(id), now, body, length)
		body, _ = pipelineBody(size)
		r.ContentLength, r.Body = -1, io.NopCloser(body())
		return do(t, client, r), []int{401, 408, 503, 0}
	case 6: // large headers, of as many signatures as possible, and then slow
		r := webhookRequest(t, url, strconv.Itoa(id), now, body, length)
		size := 12 << 10
		if id/160%2 == 0 {
			size = 1000 << 10
		}
		r.Header.Set("webhook-signature", "v1,"+strings.Repeat(" ", size)+"v1,")
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(body(), length-1), drip{}))
		return do(t, client, r), []int{401, 431, 0}
	}
	// no JSON
	text := func() io.Reader { return io.LimitReader(letters{}, 3000) }
	return do(t, client, webhookRequest(t, url, strconv.Itoa(id), now, text, 3000)), []int{400}
}

// A drip never gives the last byte.
type drip struct{}

func (drip) Read([]byte) (int, error) {
	time.Sleep(3 * time.Second) // of the body of a hostile client
	return 0, io.ErrUnexpectedEOF
}

// 64 clients send 1,280 requests, or 50,000 with -webhooks 50000, of which one in twenty is
// hostile. All others are handled once, and the receiver stays small, by default settings.
func TestWebhookResidentMemory(t *testing.T) {
	memorySkip(t)
	t.Parallel()
	url, end := receiver(t, 2*time.Second)
	requests := min(*webhookRequests, webhookEvents)
	if testing.Short() {
		requests = 500
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var next, good atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < requests; i = int(next.Add(1)) - 1 {
				if i%20 == 0 {
					attack := func() {
						if status, want := hostile(t, client, url, i/20%8, i); !slices.Contains(want, status) {
							t.Error(i, i/20%8, status)
						}
					}
					if kind := i / 20 % 8; kind == 4 || kind == 6 { // which hold up nobody
						all.Go(attack)
					} else {
						attack()
					}
					continue
				}
				size := int64(3000)
				if i%500 == 7 {
					size = 200_000
				}
				body, length := pipelineBody(size)
				if status := do(t, client, webhookRequest(t, url, strconv.Itoa(i), time.Now(), body, length)); status != 202 && i%20 != 1 || status != 202 && status != 200 {
					t.Error(i, status)
				}
				good.Add(1)
			}
		})
	}
	all.Wait()
	client.CloseIdleConnections()
	once, more, peak := end()
	require.EqualValues(t, requests*19/20, good.Load())
	require.EqualValues(t, good.Load(), once)
	require.Zero(t, more)
	t.Logf("%.1f MiB resident", float64(peak)/(1<<20))
	require.Less(t, peak, int64(webhookPeak))
}

// Several clients send the largest bodies at the same time, most of them forged: of four in a row
// all but the first. There is room for one. GitLab's are sent until they are accepted.
func TestWebhookResidentMemoryOfLargeBodies(t *testing.T) {
	memorySkip(t)
	t.Parallel()
	url, end := receiver(t, time.Minute)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var all sync.WaitGroup
	clients := 5
	if *webhookRequests >= webhookEvents {
		clients = 64
	}
	for i := range clients {
		all.Go(func() {
			body, length := pipelineBody(25<<20 - 200)
			if i%4 != 0 {
				other := func() io.Reader { return strings.NewReader("another body") }
				r := webhookRequest(t, url, strconv.Itoa(i), time.Now(), other, length)
				r.Body = io.NopCloser(body())
				if status := do(t, client, r); !slices.Contains([]int{401, 503, 0}, status) {
					t.Error(i, status)
				}
				return
			}
			for r := webhookRequest(t, url, strconv.Itoa(i), time.Now(), body, length); ; r.Body = io.NopCloser(body()) {
				switch status := do(t, client, r); status {
				case 202:
					return
				case 503, 0: // there was no room for a second
				default:
					t.Error(i, status)
					return
				}
			}
		})
	}
	all.Wait()
	once, more, peak := end()
	require.Equal(t, (clients+3)/4, once)
	require.Zero(t, more)
	t.Logf("%.1f MiB resident", float64(peak)/(1<<20))
	require.Less(t, peak, int64(webhookPeak))
}
