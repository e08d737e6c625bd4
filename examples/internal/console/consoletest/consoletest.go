// Package consoletest has what the tests of several examples share: an environment without
// the settings of this machine, and checks of exit codes.
package consoletest

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"example.com/gitlabci/examples/internal/console"
)

// WrongURL is a URL of GitLab that no client accepts.
const WrongURL = "ftp://gitlab.example.com"

// SetEnv sets the URL and the token of GitLab, and removes everything else that an example
// reads from the environment.
func SetEnv(t *testing.T, url, token string) {
	t.Helper()
	for _, name := range []string{
		"GITLAB_HOST", "CI", "CI_API_V4_URL", "CI_SERVER_URL", "CI_SERVER_TLS_CA_FILE", "CI_SERVER_TLS_CERT_FILE", "CI_SERVER_TLS_KEY_FILE", "CI_JOB_TOKEN",
		"EXPORTER_SIGNING_TOKEN", "EXPORTER_SECRET_TOKEN", "HOOKBOT_SIGNING_TOKEN", "HOOKBOT_SECRET_TOKEN",
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("GITLAB_URL", url)
	t.Setenv("GITLAB_TOKEN", token)
}

// ExitCodes runs a command with each of some arguments, and compares its exit codes. A
// command that fails says why, and prints nothing else; with -h it explains the exit codes.
func ExitCodes(t *testing.T, command console.Func[int], want map[string]int) {
	t.Helper()
	for args, code := range want {
		var out, notes bytes.Buffer
		got := command(t.Context(), strings.Fields(args), &out, &notes)
		switch {
		case got != code:
			t.Errorf("%q: the exit code is %d, not %d: %s%s", args, got, code, &out, &notes)
		case code == 0 && notes.Len() > 0, code != 0 && (notes.Len() == 0 || out.Len() > 0):
			t.Errorf("%q: the exit code is %d, and it prints %q and %q", args, got, &out, &notes)
		case args == "-h" && !strings.Contains(out.String(), "\nExit codes:\n"):
			t.Errorf("-h says nothing about exit codes: %s", &out)
		}
	}
}

// Interrupted runs a command that is interrupted before it begins. It must have the exit
// code of an interrupt, and print nothing but an error.
func Interrupted(t *testing.T, command console.Func[int], args ...string) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out, notes bytes.Buffer
	if code := command(ctx, args, &out, &notes); code != 130 || out.Len() > 0 {
		t.Errorf("the exit code after an interrupt is %d, and it prints %q and %q", code, &out, &notes)
	}
}
