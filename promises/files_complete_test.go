package promises_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A cutServer sends the first bytes of a file without a length, so that the file
// ends where the connection ends. The job may have the size.
type cutServer struct {
	file  string
	proto string // of the status line
	cut   int
	whole bool // whether the second response is whole
	job   string
	jobs  int // how often the job was requested
	files int
}

func (s *cutServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/jobs/7") {
		s.jobs++
		testkit.Respond(map[bool]int{true: 200, false: 404}[s.job != ""], s.job)(w, r)
		return
	}
	s.files++
	body := s.file[:s.cut]
	if s.whole && s.files > 1 {
		body = s.file
	}
	conn, buffer, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprintf(buffer, "%s 200 OK\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n\r\n%s", s.proto, body)
	buffer.Flush()
}

// cutSources are the ways to read a file, and for each a file whose end can be
// recognized.
func cutSources(t testing.TB) (reads map[string]func(context.Context, *gitlabci.Client) (string, error), file map[string]string) {
	reads, file = mixSources(t), map[string]string{}
	data := string(testkit.Zip(t, testkit.ZipEntry{Name: "a", Content: "of a"}, testkit.ZipEntry{Name: "b.zip", Content: string(testkit.Zip(t, testkit.ZipEntry{Name: "c", Content: "of c"})), Store: true}))
	reads["gunzip"] = func(ctx context.Context, c *gitlabci.Client) (string, error) {
		report, err := testkit.OpenReport(ctx, c, gitlabci.ArtifactTypeJUnit)
		if err != nil {
			return "", err
		}
		return mixRead(report, nil)
	}
	reads["spool"] = func(ctx context.Context, c *gitlabci.Client) (string, error) {
		archive, err := c.Artifacts.Archive(ctx, "group/app", gitlabci.JobID(7), nil)
		if err != nil {
			return "", err
		}
		defer archive.Close()
		_, err = archive.ReadFile("b.zip")
		return data, err
	}
	for name := range reads {
		file[name] = data
	}
	file["log"] = "$ make\n\x1b[0KJob succeeded, says make\n\x1b[31;1mERROR: Job failed: exit code 137\x1b[0;m\n"
	file["report"] = "<testsuites><testsuite/></testsuites>\n"
	file["gunzip"] = testkit.Gzip("first", "second", "third")
	return reads, file
}

func cutJob(size int) string {
	return fmt.Sprintf(`{"id":7,"artifacts_file":{"filename":"artifacts.zip","size":%d},"artifacts":[{"file_type":"junit","size":%[1]d},{"file_type":"trace","size":%[1]d}]}`, size)
}

// A file that ends where the connection ends is never complete without proof,
// no matter where it is cut.
func TestCutFileIsNeverWhole(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	reads, files := cutSources(t)
	n := 0
	for name, read := range reads {
		n++ // so it is tried with what the one before was not
		file, want := files[name], files[name]
		if name == "gunzip" {
			want = "firstsecondthird"
		}
		for _, proto := range []string{"HTTP/1.0", "HTTP/1.1"} {
			for _, job := range []string{"", cutJob(len(file)), `{"id":7,"artifacts":[]}`} {
				if n++; !testkit.Sampled(n, 2) {
					continue
				}
				for cut := range len(file) + 1 {
					if cut > 2 && cut < len(file)-2 && !testkit.Sampled(cut, 51) { // an odd one, since n is sampled by two
						continue
					}
					s := &cutServer{file: file, proto: proto, cut: cut, job: job}
					synctest.Test(t, func(t *testing.T) {
						server := testkit.NewScript(s.ServeHTTP)
						got, err := read(t.Context(), server.Client(t, gitlabci.WithRetries(1)))
						label := fmt.Sprintf("%s, %s, %d of %d bytes, job %q: %v", name, proto, cut, len(file), job, err)
						require.LessOrEqual(t, s.jobs, 2, "at most once per download")
						switch {
						case cut < len(file):
							require.Error(t, err, label)
							require.True(t, errors.Is(err, io.ErrUnexpectedEOF), label)
						case name == "report" || name == "gunzip":
							require.Equal(t, strings.Contains(job, "size"), err == nil, label)
						default:
							require.NoError(t, err, label)
						}
						require.True(t, err != nil || got == want, label)
					})
				}
			}
		}
	}
}

// A file that is proved to be incomplete is requested again, like an interrupted
// one.
func TestCutFileIsRequestedAgain(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	reads, files := cutSources(t)
	for name, read := range reads {
		file := files[name]
		for _, cut := range []int{0, 1, len(file) / 2, len(file) - 1} {
			s := &cutServer{file: file, proto: "HTTP/1.1", cut: cut, whole: true, job: cutJob(len(file))}
			byJob := !strings.Contains(name, "latest") && name != "member"
			if !byJob && cut < 4 {
				continue // too short to be recognized as an archive
			}
			synctest.Test(t, func(t *testing.T) {
				got, err := read(t.Context(), testkit.NewScript(s.ServeHTTP).Client(t))
				require.NoError(t, err, "%s, %d bytes", name, cut)
				require.True(t, got == file || name == "gunzip")
			})
		}
	}
}

// A file that nothing proves to be complete is saved only if that is allowed. A
// file that is known to be incomplete is never saved.
func TestSaveAllowUnverified(t *testing.T) {
	t.Parallel()
	const file = "whatever it is"
	for _, job := range []string{"", cutJob(len(file)), cutJob(len(file) + 1), cutJob(len(file) - 1)} {
		for _, allowed := range []bool{false, true} {
			s := &cutServer{file: file, proto: "HTTP/1.1", cut: len(file), job: job}
			synctest.Test(t, func(t *testing.T) {
				got, err := mixSave(t, t.Context(), testkit.NewScript(s.ServeHTTP).Client(t), gitlabci.JobID(7), &gitlabci.SaveOptions{AllowUnverified: allowed})
				if whole := job == cutJob(len(file)); whole || job == "" && allowed {
					require.NoError(t, err)
					require.Equal(t, file, got)
					return
				}
				require.Error(t, err)
				if job == "" {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
					require.ErrorContains(t, err, "so it may be cut short")
				}
			})
		}
	}
}

// If a body is chunked, or unpacked by net/http, net/http detects that it is cut.
func TestCutFramesAreErrors(t *testing.T) {
	t.Parallel()
	raw := func(contentType, head, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, buffer, _ := w.(http.Hijacker).Hijack()
			defer conn.Close()
			fmt.Fprintf(buffer, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n%s\r\n%s", contentType, head, body)
			buffer.Flush()
		}
	}
	packed := testkit.Gzip("Job succeeded\n")
	for name, step := range map[string]http.HandlerFunc{
		"chunked":              raw("text/plain", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
		"within a chunk":       raw("text/plain", "Transfer-Encoding: chunked\r\n", "3\r\nab"),
		"gzip":                 raw("text/plain", "Content-Encoding: gzip\r\n", packed[:len(packed)-1]),
		"gzip, nothing of it":  raw("text/plain", "Content-Encoding: gzip\r\n", ""),
		"nothing":              raw("text/plain", "", ""),
		"nothing, with length": raw("text/plain", "Content-Length: 3\r\n", ""),
	} {
		synctest.Test(t, func(t *testing.T) {
			log, err := testkit.NewScript(step).Client(t, gitlabci.WithRetries(0)).Jobs.Log(t.Context(), "group/app", 7)
			require.NoError(t, err, name)
			_, err = mixRead(log, nil)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
		})
	}
	for cut := range len(`{"id":7}`) {
		synctest.Test(t, func(t *testing.T) {
			client := testkit.NewScript(raw("application/json", "", `{"id":7}`[:cut])).Client(t, gitlabci.WithRetries(0))
			_, err := client.Jobs.Get(t.Context(), "group/app", 7)
			require.Error(t, err)
			for _, err = range client.Pipelines.TestCases(t.Context(), "group/app", 7) {
			}
			require.Error(t, err)
		})
	}
}

// A body without a length counts as complete only if it ends as an archive does.
func FuzzCutArchive(f *testing.F) {
	data := testkit.Zip(f, testkit.ZipEntry{Name: "a", Content: "of a"})
	for _, cut := range []int{0, 4, 22, len(data) - 22, len(data) - 1, len(data)} {
		f.Add(data[:cut])
	}
	f.Add(append([]byte("PK\x05\x06"), make([]byte, 18)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		client, err := gitlabci.NewClient(gitlabci.WithRetries(0), gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ProtoMajor: 1, ContentLength: -1, Request: req, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}, nil
		})))
		require.NoError(t, err)
		var got bytes.Buffer
		_, err = client.Artifacts.Download(t.Context(), "7", testkit.Latest, &got, nil)
		require.Equal(t, len(body), got.Len())
		if err != nil {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			return
		}
		require.True(t, bytes.HasPrefix(body, []byte("PK")))
		require.Contains(t, string(body[max(0, len(body)-66<<10):]), "PK\x05\x06")
	})
}
