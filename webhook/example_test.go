package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/webhook"
)

// A receiver is a handler among others of a server. It stops in two steps: no more
// requests, and then no more events.
func Example() {
	v, err := webhook.NewVerifier(webhook.SigningToken(os.Getenv("GITLAB_SIGNING_TOKEN")))
	if err != nil {
		log.Print(err)
		return
	}
	handler := webhook.NewHandler(v, func(ctx context.Context, e *webhook.Event) error {
		if e.Pipeline != nil && e.Pipeline.Status == gitlabci.StatusFailed {
			log.Print(e)
		}
		return nil
	}, nil)
	mux := http.NewServeMux()
	mux.Handle("POST /gitlab", handler)
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	go func() { log.Print(server.ListenAndServe()) }()
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := errors.Join(server.Shutdown(ctx), handler.Shutdown(ctx)); err != nil {
		log.Print(err)
	}
}

// While a signing token is replaced, the old and the new one are accepted. The secret
// token is for hooks that do not sign yet.
func ExampleNewVerifier_rotation() {
	v, err := webhook.NewVerifier(
		webhook.SigningToken("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
		webhook.SigningToken("whsec_ISECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
		webhook.SecretToken("secret-token-of-the-hook"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPost, "/gitlab", nil)
	r.Header.Set("X-Gitlab-Token", "a guess")
	_, err = v.Parse(r)
	fmt.Println(err)
	fmt.Println(errors.Is(err, webhook.ErrNotVerified))
	// Output:
	// webhook: the secret token is wrong
	// true
}

// A program that responds itself decides what each error means.
func ExampleVerifier_Parse() {
	v, err := webhook.NewVerifier(webhook.SecretToken("secret-token-of-the-hook"))
	if err != nil {
		fmt.Println(err)
		return
	}
	receive := func(w http.ResponseWriter, r *http.Request) {
		e, err := v.Parse(r)
		switch {
		case errors.Is(err, webhook.ErrReplayed):
			return // with 200: it was handled before
		case errors.Is(err, webhook.ErrNotVerified):
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Println(e)
	}
	for range 2 {
		body := `{"object_kind":"pipeline","object_attributes":{"id":31,"status":"success"},"project":{"path_with_namespace":"group/app"}}`
		r := httptest.NewRequest(http.MethodPost, "/gitlab", strings.NewReader(body))
		r.Header.Set("X-Gitlab-Token", "secret-token-of-the-hook")
		r.Header.Set("Idempotency-Key", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f")
		receive(httptest.NewRecorder(), r)
	}
	// Output: pipeline 31 is success in "group/app"
}

// An event that could not be stored is forgotten. If GitLab sends it again, it is accepted
// again, and does not match ErrReplayed.
func ExampleVerifier_Forget() {
	v, err := webhook.NewVerifier(webhook.SecretToken("secret-token-of-the-hook"))
	if err != nil {
		fmt.Println(err)
		return
	}
	stored := 0
	store := func(*webhook.Event) error {
		if stored++; stored == 1 {
			return errors.New("the disk is full")
		}
		return nil
	}
	for range 2 {
		r := httptest.NewRequest(http.MethodPost, "/gitlab", strings.NewReader(`{"object_kind":"build","build_id":71}`))
		r.Header.Set("X-Gitlab-Token", "secret-token-of-the-hook")
		r.Header.Set("Idempotency-Key", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f")
		e, err := v.Parse(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := store(e); err != nil {
			v.Forget(e.ID)
			fmt.Println(err) // respond with 503
			continue
		}
		fmt.Println("stored job", e.Job.ID)
	}
	// Output:
	// the disk is full
	// stored job 71
}

// A busy receiver remembers more events than the default. Its clock differs by up to a minute
// from GitLab's.
func ExampleTolerance() {
	v, err := webhook.NewVerifier(
		webhook.SigningToken("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
		webhook.Tolerance(time.Minute),
		webhook.ReplayMemory(1_000_000), // up to 64 MB
	)
	fmt.Println(v != nil, err)
	// Output: true <nil>
}
