// Package webhook receives the webhooks of GitLab: it verifies that a request comes from
// GitLab, decodes pipeline, job and deployment events, and handles each event once.
//
//	v, err := webhook.NewVerifier(webhook.SigningToken(os.Getenv("GITLAB_SIGNING_TOKEN")))
//	if err != nil {
//		return err
//	}
//	handler := webhook.NewHandler(v, func(ctx context.Context, e *webhook.Event) error {
//		if e.Pipeline == nil || e.Pipeline.Status != gitlabci.StatusFailed {
//			return nil
//		}
//		failures, err := client.Pipelines.Failures(ctx, e.Pipeline.ProjectID, e.Pipeline.ID, nil)
//		if err != nil {
//			return err
//		}
//		for _, failure := range failures {
//			fmt.Println(failure.Job.Name, failure.Reason, failure.Lines)
//		}
//		return nil
//	}, nil)
//	http.Handle("POST /gitlab", handler)
//
// Set the URL of this handler, the token, and the events to send in GitLab, on the page
// Settings > Webhooks of the project, or by [gitlabci.WebhooksService.Create].
//
// # Who sent it
//
// A [SigningToken], which GitLab has from version 19.0, proves the sender, the body and the
// time. A [SecretToken] proves only the sender. A Verifier accepts several of each, so that
// tokens can be replaced: add the new one, change the hook, remove the old one.
//
// With a SigningToken, a request that has a signature is never accepted for its secret token
// instead. It is accepted only within 5 minutes of its timestamp, and only once by the same
// Verifier. Another process, or the same one after a restart, accepts it again.
//
// # Each event once
//
// Events are recognized by their IDs, which GitLab sends from version 17.4. On older
// servers, and for another Verifier, an event that is sent again is a new event.
//
// A [Handler] responds before the function is called, since GitLab waits 10 seconds, does
// not send an event again, and disables hooks that fail four times in a row. An event
// whose function fails is lost, unless someone presses "Resend request". Accepted events
// are in memory only: call [Handler.Shutdown] before the program ends, and read what may
// have been missed from the API when it starts.
//
// GitLab promises no order: "success" can arrive before "running". Treat an event as a
// hint and read the pipeline if it matters. A [Hub] does that for
// [gitlabci.PipelinesService.Watch], Wait and Run, which then poll rarely.
//
// If your program responds to requests itself, call [Verifier.Parse].
//
// # What an event has
//
// Events use the types of package gitlabci, with zero for what GitLab did not send. Kinds
// without a type here, and custom templates, have [Event.Raw]. Variables can be secrets.
// No verb and no logger prints them or Raw.
package webhook
