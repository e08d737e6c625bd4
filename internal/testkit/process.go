package testkit

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/testkit/light"
)

// Allocated returns how many bytes are allocated in a call, by the whole process.
func Allocated(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// UnderRace reports whether the race detector slows this program down.
func UnderRace() bool { return light.UnderRace() }

// NotUnderRace skips a long test of one goroutine, such as one that measures memory: the
// race detector would find nothing in it, and take ten times as long.
func NotUnderRace(t *testing.T) {
	t.Helper()
	light.NotUnderRace(t)
}

// Needs64Bits skips a test whose responses take too much memory only if a pointer has 64
// bits: with 32, decoded values take half of it.
func Needs64Bits(t *testing.T) {
	t.Helper()
	if strconv.IntSize < 64 {
		t.Skip("decoded values take half the memory here")
	}
}

// Fewer is n, or a fifth of it where the race detector takes its time.
func Fewer(n int) int {
	if UnderRace() {
		return max(1, n/5)
	}
	return n
}

// Sampled reports whether this run tries the n-th of many similar cases: one of every few,
// others in each run, and all of them if GITLABCI_TEST_ALL is set. The race detector, which
// finds nothing new in most of them, gets an eighth of that.
func Sampled(n, every int) bool { return light.Sampled(n, every) }

// OneOf is one of several alternatives, any in each run, or all of them if
// GITLABCI_TEST_ALL is set.
func OneOf[T any](all []T) []T { return light.OneOf(all) }

// OneUnderRace is all of a few alternatives, and one of them, any in each run, where the race
// detector takes its time.
func OneUnderRace[T any](all []T) []T {
	if UnderRace() {
		return OneOf(all)
	}
	return all
}

// SetEnv removes all variables that the client reads from the environment but these.
func SetEnv(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, name := range []string{
		"GITLAB_TOKEN", "GITLAB_URL", "GITLAB_HOST", "CI_JOB_TOKEN", "CI_API_V4_URL", "CI_SERVER_URL",
		"CI", "CI_SERVER_TLS_CA_FILE", "CI_SERVER_TLS_CERT_FILE", "CI_SERVER_TLS_KEY_FILE",
		"CI_PROJECT_ID", "CI_PIPELINE_ID", "CI_JOB_ID",
		"CI_API_GRAPHQL_URL", "CI_SERVER_HOST", "CI_PROJECT_PATH", "CI_REGISTRY_PASSWORD", // not ours
	} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

// CertificateFile returns a file with the certificate of a server.
func CertificateFile(t *testing.T, server *httptest.Server) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(file, certificate, 0o600))
	return file
}

// NewLogger returns a logger and a function that decodes what it wrote.
func NewLogger(t *testing.T) (*slog.Logger, func() []map[string]any) {
	var buffer bytes.Buffer
	return slog.New(slog.NewJSONHandler(&buffer, nil)), func() []map[string]any {
		var lines []map[string]any
		for line := range strings.Lines(buffer.String()) {
			fields := map[string]any{}
			require.NoError(t, json.Unmarshal([]byte(line), &fields))
			delete(fields, "time")
			lines = append(lines, fields)
		}
		return lines
	}
}

// GITLABCI_TEST_TWICE=1 has the tests of golden files, seeds and lists cover what decoding
// does only on pages of objects that are alike.
func init() { lenient.Twice = os.Getenv("GITLABCI_TEST_TWICE") != "" }
