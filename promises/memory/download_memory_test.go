package memory_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

const (
	memoryServer = "GITLABCI_TEST_SERVER" // makes a copy of this program download from there and end
	memoryPeak   = 24 << 20               // what a download may make resident, whatever its size
)

func TestMain(m *testing.M) {
	child := func() error { return memoryChild(os.Getenv(memoryServer)) }
	switch {
	case os.Getenv(webhookReceiver) != "":
		child = receiverChild
	case os.Getenv(memoryServer) == "":
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// memoryChild downloads the artifacts of job 7, and prints how many bytes they
// have, their hash, and the most memory this process had.
func memoryChild(server string) error {
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(server), gitlabci.WithToken(testkit.Token))
	if err != nil {
		return err
	}
	if name := os.Getenv(footprintCall); name != "" {
		fmt.Printf("%q", fmt.Sprint(footprintCalls[name](context.Background(), client)))
		peak, err := memoryResident()
		fmt.Println("", peak)
		return err
	}
	sum := sha256.New()
	n, err := client.Artifacts.Download(context.Background(), "group/app", gitlabci.JobID(7), sum, nil)
	if err != nil {
		return err
	}
	peak, err := memoryResident()
	fmt.Println(n, memorySum(sum), peak)
	return err
}

// memoryResident returns the peak resident memory of this process.
func memoryResident() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, peak, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kilobytes int64
	_, err = fmt.Sscanf(string(peak), "%d kB", &kilobytes)
	return kilobytes << 10, err
}

func memorySum(sum hash.Hash) string { return fmt.Sprintf("%x", sum.Sum(nil)) }

// memoryPattern is a piece of an artifact: 1 MiB, so that nothing which loses
// or repeats a part of it goes unnoticed by the hash of the whole.
var memoryPattern = []byte(testkit.Noise(1 << 20))

// memoryPlain serves that many MiB.
func memoryPlain(mebibytes int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Length", fmt.Sprint(mebibytes<<20))
		for range mebibytes {
			w.Write(memoryPattern)
		}
	}
}

// memoryDownload has a copy of this program download that many MiB over a real
// connection, and returns the most memory it had.
func memoryDownload(t testing.TB, mebibytes int, handler http.Handler) int64 {
	t.Helper()
	out := memoryRun(t, handler)
	sum := sha256.New()
	for range mebibytes {
		sum.Write(memoryPattern)
	}
	var n, peak int64
	var got string
	_, err := fmt.Sscan(out, &n, &got, &peak)
	require.NoError(t, err, "%q", out)
	require.EqualValues(t, mebibytes<<20, n)
	require.Equal(t, memorySum(sum), got)
	return peak
}

// memoryRun starts a copy of this program, which downloads over a real connection
// or does what the variables say. It returns the output.
func memoryRun(t testing.TB, handler http.Handler, variables ...string) string {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	child := memoryCopy(t, append(variables, memoryServer+"="+server.URL)...)
	var out, problems strings.Builder
	child.Stdout, child.Stderr = &out, &problems
	require.NoError(t, child.Run(), "%s", &problems)
	return out.String()
}

// memoryCopy is a copy of this program that has these variables, and none that change the
// memory it takes.
func memoryCopy(t testing.TB, variables ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), program)
	child.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"GODEBUG", "GOGC", "GOMEMLIMIT", "GOCOVERDIR"}, name) || strings.HasSuffix(strings.ToLower(name), "_proxy")
	}), variables...)
	return child
}

// memorySkip skips where a process cannot be measured, or is not the one that
// users have.
func memorySkip(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process's peak in /proc")
	}
	info, _ := debug.ReadBuildInfo()
	for _, setting := range info.Settings {
		if setting.Key == "-race" && setting.Value == "true" {
			t.Skip("the race detector's own memory is many times as much")
		}
	}
}

func TestDownloadResidentMemory(t *testing.T) {
	memorySkip(t)
	t.Parallel()
	require.Less(t, memoryDownload(t, 64, memoryPlain(64)), int64(memoryPeak))
}

// BenchmarkDownloadRSS prints the peak resident memory of a process that does
// nothing but download 256 MiB.
func BenchmarkDownloadRSS(b *testing.B) {
	memorySkip(b)
	const mebibytes = 256
	b.SetBytes(mebibytes << 20)
	peak := int64(0)
	for b.Loop() {
		peak = max(peak, memoryDownload(b, mebibytes, memoryPlain(mebibytes)))
	}
	b.ReportMetric(float64(peak)/(1<<20), "MiB-peak")
	if peak >= memoryPeak {
		b.Errorf("%d bytes were resident, and %d are too many", peak, memoryPeak)
	}
}

// memoryBody is a body of size bytes that are made as they are read.
type memoryBody struct{ left int64 }

func (b *memoryBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), b.left, 16<<10) // as a connection would
	copy(p, memoryPattern[:n])
	b.left -= n
	return int(n), nil
}

func (b *memoryBody) Close() error { return nil }

// Nothing of a body is kept: not as many bytes are allocated as it has, in all,
// freed ones included. The transport is a stub, so that they are all ours.
func TestDownloadAllocations(t *testing.T) {
	testkit.NotUnderRace(t)
	const size, most = 64 << 20, 1 << 20
	known := true
	client, err := gitlabci.NewClient(gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
		length := int64(size)
		if !known {
			length = -1
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: length, Body: &memoryBody{size}, Request: req}, nil
	})))
	require.NoError(t, err)
	progress := &gitlabci.OpenOptions{Progress: func(int64, int64) {}}
	reads := map[string]func() (int64, error){
		"Download": func() (int64, error) {
			return client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), io.Discard, nil)
		},
		"Download, with progress": func() (int64, error) {
			return client.Artifacts.Download(t.Context(), "group/app", gitlabci.JobID(7), struct{ io.Writer }{io.Discard}, progress)
		},
		"Download of the latest": func() (int64, error) {
			return client.Artifacts.Download(t.Context(), "group/app", testkit.Latest, io.Discard, nil)
		},
		"OpenFile": func() (int64, error) {
			file, err := client.Artifacts.OpenFile(t.Context(), "group/app", gitlabci.JobID(7), "big.bin", nil)
			if err != nil {
				return 0, err
			}
			defer file.Close()
			return io.Copy(io.Discard, file)
		},
		"Log": func() (int64, error) {
			log, err := client.Jobs.Log(t.Context(), "group/app", 7)
			if err != nil {
				return 0, err
			}
			defer log.Close()
			return io.Copy(io.Discard, log)
		},
	}
	for name, read := range reads {
		for _, known = range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", size known: ", known), func(t *testing.T) {
				var n int64
				var err error
				allocated := testkit.Allocated(func() { n, err = read() })
				require.NoError(t, err)
				require.EqualValues(t, size, n)
				require.Less(t, allocated, uint64(most))
			})
		}
	}
}
