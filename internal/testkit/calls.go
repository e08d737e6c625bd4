package testkit

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// Extract extracts an archive, and removes it.
func Extract(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, src gitlabci.ArtifactSource) error {
	dir, err := os.MkdirTemp("", "extract-*")
	if err != nil {
		return err
	}
	_, err = c.Artifacts.Extract(ctx, project, src, dir, nil)
	return errors.Join(err, os.RemoveAll(dir))
}

// Opens are the ways to open a file.
var Opens = map[string]func(context.Context, *gitlabci.Client) (*gitlabci.ArtifactFile, error){
	"archive": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.Open(ctx, "group/app", gitlabci.JobID(7), nil)
	},
	"report": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.Open(ctx, "group/app", gitlabci.JobID(7), &gitlabci.OpenOptions{FileType: gitlabci.ArtifactTypeJUnit})
	},
	"latest": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.Open(ctx, "group/app", Latest, nil)
	},
	"member": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.OpenFile(ctx, "group/app", gitlabci.JobID(7), "out/a b.txt", nil)
	},
	"latest member": func(ctx context.Context, c *gitlabci.Client) (*gitlabci.ArtifactFile, error) {
		return c.Artifacts.OpenFile(ctx, "group/app", Latest, "out/a b.txt", nil)
	},
}

// Latest is the source that is not a job.
var Latest = gitlabci.LatestArtifacts{Ref: "main", Job: "unit"}

// Request is a request for [gitlabci.Client.Do].
func Request(t *testing.T, method, target string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, body)
	require.NoError(t, err)
	return req
}

// DoTargets maps a target of [gitlabci.Client.Do] to what is sent.
var DoTargets = map[string]string{
	"/projects/7/merge_requests":                       "/api/v4/projects/7/merge_requests",
	"projects/7/merge_requests":                        "/api/v4/projects/7/merge_requests",
	"/projects/group%2Fapp":                            "/api/v4/projects/group%2Fapp",
	"/projects/group%2fapp/x":                          "/api/v4/projects/group%2fapp/x",
	"/projects/7/repository/files/a%23b%3Fc%25d%20e/x": "/api/v4/projects/7/repository/files/a%23b%3Fc%25d%20e/x",
	"/projects/7/repository/files/a%2E%2Eb":            "/api/v4/projects/7/repository/files/a%2E%2Eb",
	"/projects?search=a%2Bb+c&scope[]=x&scope[]=y":     "/api/v4/projects?search=a%2Bb+c&scope[]=x&scope[]=y",
	"/version?":      "/api/v4/version",
	"/version#a":     "/api/v4/version",
	"/":              "/api/v4/",
	"":               "/api/v4/",
	"/projects/é":    "/api/v4/projects/%C3%A9",
	"/projects//app": "/api/v4/projects//app",
	"/projects/a:b":  "/api/v4/projects/a:b",

	// The prefix of the API is not doubled.
	"/api/v4/projects/7?a=b": "/api/v4/projects/7?a=b",
	"api/v4/version":         "/api/v4/version",
	"/api/v4/":               "/api/v4/",
	"/api/v4x/version":       "/api/v4/api/v4x/version",
}

// AnyError stands for an error that matches no sentinel.
var AnyError = io.ErrUnexpectedEOF

// OpenArchive is a call that may be redirected to a storage.
func OpenArchive(ctx context.Context, c *gitlabci.Client) error {
	_, err := c.Artifacts.Download(ctx, "group/app", gitlabci.JobID(9), io.Discard, nil)
	return err
}

// Credentials are all ways to authenticate.
var Credentials = map[string][]gitlabci.Option{
	"token":  {gitlabci.WithToken(Token)},
	"job":    {gitlabci.WithJobToken(Token)},
	"oauth":  {gitlabci.WithOAuthToken(Token)},
	"source": {gitlabci.WithTokenSource(func(context.Context) (string, error) { return Token, nil })},
	"sudo":   {gitlabci.WithToken(Token), gitlabci.WithSudo("maya")},
}

// OpenReport opens a report of job 7 and decompresses it.
func OpenReport(ctx context.Context, c *gitlabci.Client, fileType gitlabci.ArtifactType) (*gitlabci.ArtifactFile, error) {
	return c.Artifacts.Open(ctx, "group/app", gitlabci.JobID(7), &gitlabci.OpenOptions{FileType: fileType, Gunzip: true})
}

// Calls is one call of each kind that the retry rules distinguish.
var Calls = map[string]func(context.Context, *gitlabci.Client) error{
	"get":    Call("Pipelines.Get"),
	"rename": Call("Pipelines.UpdateMetadata"),
	"delete": Call("Pipelines.Delete"),
	"cancel": Call("Pipelines.Cancel"),
	"create": Call("Pipelines.Create"),
	"retry":  Call("Pipelines.Retry"),
}

// Save saves an archive, and removes it.
func Save(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, job gitlabci.JobID) error {
	return InFolder(func(file string) error { return c.Artifacts.Save(ctx, project, job, file, nil) })
}

// TokenKinds are the options that give a token, and where it travels.
var TokenKinds = []struct {
	Name, Header, Prefix string
	Option               func(token string) gitlabci.Option
}{
	{"WithToken", "Private-Token", "", gitlabci.WithToken},
	{"WithJobToken", "Job-Token", "", gitlabci.WithJobToken},
	{"WithOAuthToken", "Authorization", "Bearer ", gitlabci.WithOAuthToken},
	{"WithTokenSource", "Authorization", "Bearer ", func(token string) gitlabci.Option {
		return gitlabci.WithTokenSource(func(context.Context) (string, error) { return token, nil })
	}},
}

// TokenSource supplies the tokens in order, then the last one again, and counts.
func TokenSource(asked *int, tokens ...string) gitlabci.Option {
	return gitlabci.WithTokenSource(func(context.Context) (string, error) {
		if *asked++; *asked > 50 {
			return "", errors.New("it is asked again and again")
		}
		return tokens[min(*asked, len(tokens))-1], nil
	})
}

// Releases are the releases of GitLab between which responses differ most.
var Releases = []string{"11.0", "12.3", "13.12", "14.6", "15.4", "15.11", "16.11", "17.11", "18.11", "19.1", "19.3", "19.5"}
