package services_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// envClients are environments in which NewClientFromEnv makes a client: where
// it sends its requests, and with which token.
var envClients = map[string]struct {
	env    map[string]string
	opts   []gitlabci.Option
	base   string
	header string // "" for no token
	token  string
}{
	"nothing": {base: "https://gitlab.com/api/v4"},
	"empty variables": {
		env: map[string]string{
			"GITLAB_TOKEN": "", "GITLAB_URL": "", "GITLAB_HOST": "", "CI_JOB_TOKEN": "", "CI_API_V4_URL": "", "CI_SERVER_URL": "", "CI_SERVER_TLS_CA_FILE": "",
		},
		base: "https://gitlab.com/api/v4",
	},
	"token": {
		env:  map[string]string{"GITLAB_TOKEN": "glpat-1"},
		base: "https://gitlab.com/api/v4", header: "Private-Token", token: "glpat-1",
	},
	"token before job token": {
		env:  map[string]string{"GITLAB_TOKEN": "glpat-1", "CI_JOB_TOKEN": "glcbt-1", "CI_SERVER_URL": "https://ci.example.com"},
		base: "https://ci.example.com/api/v4", header: "Private-Token", token: "glpat-1",
	},
	"token goes to any server": {
		env:  map[string]string{"GITLAB_TOKEN": "glpat-1", "CI_JOB_TOKEN": "glcbt-1", "CI_SERVER_URL": "https://ci.example.com", "GITLAB_URL": "https://url.example.com"},
		base: "https://url.example.com/api/v4", header: "Private-Token", token: "glpat-1",
	},
	"URL before the others": {
		env: map[string]string{
			"GITLAB_URL": "https://url.example.com", "GITLAB_HOST": "host.example.com",
			"CI_API_V4_URL": "https://api.example.com/api/v4", "CI_SERVER_URL": "https://ci.example.com",
		},
		base: "https://url.example.com/api/v4",
	},
	"host before CI": {
		env:  map[string]string{"GITLAB_HOST": "host.example.com", "CI_API_V4_URL": "https://api.example.com/api/v4", "CI_SERVER_URL": "https://ci.example.com"},
		base: "https://host.example.com/api/v4",
	},
	"CI's API before its server": {
		env:  map[string]string{"CI_API_V4_URL": "https://ci.example.com/gitlab/api/v4", "CI_SERVER_URL": "https://ci.example.com"},
		base: "https://ci.example.com/gitlab/api/v4",
	},
	"CI's server":         {env: map[string]string{"CI_SERVER_URL": "https://ci.example.com/gitlab"}, base: "https://ci.example.com/gitlab/api/v4"},
	"host without scheme": {env: map[string]string{"GITLAB_HOST": "host.example.com"}, base: "https://host.example.com/api/v4"},
	"host with port":      {env: map[string]string{"GITLAB_HOST": "host.example.com:8443"}, base: "https://host.example.com:8443/api/v4"},
	"host with path":      {env: map[string]string{"GITLAB_HOST": "host.example.com/gitlab/"}, base: "https://host.example.com/gitlab/api/v4"},
	"host with scheme":    {env: map[string]string{"GITLAB_HOST": "https://host.example.com"}, base: "https://host.example.com/api/v4"},
	"URL without scheme":  {env: map[string]string{"GITLAB_URL": "url.example.com"}, base: "https://url.example.com/api/v4"},
	"URL over http, allowed": {
		env: map[string]string{"GITLAB_URL": "http://url.example.com", "GITLAB_TOKEN": "glpat-1"}, opts: []gitlabci.Option{gitlabci.WithInsecureHTTP()},
		base: "http://url.example.com/api/v4", header: "Private-Token", token: "glpat-1",
	},
	"URL over http, loopback": {
		env:  map[string]string{"GITLAB_URL": "http://127.0.0.1:8080", "GITLAB_TOKEN": "glpat-1"},
		base: "http://127.0.0.1:8080/api/v4", header: "Private-Token", token: "glpat-1",
	},
	"URL over http, no token": {env: map[string]string{"GITLAB_URL": "http://url.example.com"}, base: "http://url.example.com/api/v4"},
	"job": {
		env:  map[string]string{"CI_JOB_TOKEN": "glcbt-1", "CI_API_V4_URL": "https://ci.example.com/api/v4", "CI_SERVER_URL": "https://ci.example.com"},
		base: "https://ci.example.com/api/v4", header: "Job-Token", token: "glcbt-1",
	},
	"job, server alone": {
		env:  map[string]string{"CI_JOB_TOKEN": "glcbt-1", "CI_SERVER_URL": "https://ci.example.com:443"},
		base: "https://ci.example.com:443/api/v4", header: "Job-Token", token: "glcbt-1",
	},
	"job, same server by URL": {
		env:  map[string]string{"CI_JOB_TOKEN": "glcbt-1", "CI_SERVER_URL": "https://ci.example.com:443", "GITLAB_URL": "CI.example.com/gitlab"},
		base: "https://ci.example.com/gitlab/api/v4", header: "Job-Token", token: "glcbt-1",
	},
	"job, same server by option": {
		env: map[string]string{"CI_JOB_TOKEN": "glcbt-1", "CI_SERVER_URL": "https://ci.example.com"}, opts: []gitlabci.Option{gitlabci.WithBaseURL("https://ci.example.com")},
		base: "https://ci.example.com/api/v4", header: "Job-Token", token: "glcbt-1",
	},
	"job's token as GITLAB_TOKEN": {
		env:  map[string]string{"GITLAB_TOKEN": "64_abc", "CI_JOB_TOKEN": "64_abc", "CI_SERVER_URL": "https://ci.example.com"},
		base: "https://ci.example.com/api/v4", header: "Job-Token", token: "64_abc",
	},
	"another job's token as GITLAB_TOKEN": {
		env:  map[string]string{"GITLAB_TOKEN": "glcbt-2", "GITLAB_URL": "https://url.example.com", "CI_JOB_TOKEN": "glcbt-1", "CI_SERVER_URL": "https://ci.example.com"},
		base: "https://url.example.com/api/v4", header: "Job-Token", token: "glcbt-2",
	},
	"options win": {
		env: map[string]string{
			"GITLAB_TOKEN": "bad one\n", "GITLAB_URL": "ftp://bad", "CI_JOB_TOKEN": "glcbt-1", "CI_SERVER_URL": "https://ci.example.com", "CI_SERVER_TLS_CA_FILE": "/nowhere",
		},
		opts: []gitlabci.Option{gitlabci.WithBaseURL("https://option.example.com"), gitlabci.WithOAuthToken("gloas-1")},
		base: "https://option.example.com/api/v4", header: "Authorization", token: "Bearer gloas-1",
	},
	"option's token, environment's server": {
		env: map[string]string{"GITLAB_TOKEN": "glpat-1", "GITLAB_URL": "https://url.example.com"}, opts: []gitlabci.Option{gitlabci.WithJobToken("glcbt-2")},
		base: "https://url.example.com/api/v4", header: "Job-Token", token: "glcbt-2",
	},
	"option's token, job's token unused": {
		env: map[string]string{"CI_JOB_TOKEN": "glcbt-1", "GITLAB_URL": "https://url.example.com"}, opts: []gitlabci.Option{gitlabci.WithToken("glpat-2")},
		base: "https://url.example.com/api/v4", header: "Private-Token", token: "glpat-2",
	},
	"option's server, environment's token": {
		env: map[string]string{"GITLAB_TOKEN": "glpat-1", "GITLAB_URL": "https://url.example.com"}, opts: []gitlabci.Option{gitlabci.WithBaseURL("https://option.example.com")},
		base: "https://option.example.com/api/v4", header: "Private-Token", token: "glpat-1",
	},
}

func TestEnvClients(t *testing.T) {
	for name, test := range envClients {
		t.Run(name, func(t *testing.T) {
			testkit.SetEnv(t, test.env)
			trip := &clientTrip{}
			client, err := gitlabci.NewClientFromEnv(append(test.opts, gitlabci.WithTransport(trip))...)
			require.NoError(t, err)
			_, err = client.Pipelines.Get(t.Context(), "group/app", 42)
			require.NoError(t, err)
			require.Len(t, trip.requests, 1)
			require.Equal(t, test.base+"/projects/group%2Fapp/pipelines/42", trip.requests[0].URL.String())
			for _, header := range []string{"Private-Token", "Job-Token", "Authorization"} {
				var want []string
				if header == test.header {
					want = []string{test.token}
				}
				require.Equal(t, want, trip.requests[0].Header.Values(header), header)
			}
		})
	}
}

// An envRefusal is an environment that is refused, and what the error says.
type envRefusal struct {
	env  map[string]string
	opts []gitlabci.Option
	says []string
}

var envRefusals = map[string]envRefusal{
	"newline in the token":     {env: map[string]string{"GITLAB_TOKEN": "glpat-secret\n"}, says: []string{"GITLAB_TOKEN"}},
	"space in the job's token": {env: map[string]string{"CI_JOB_TOKEN": "glcbt-secret ", "CI_SERVER_URL": "https://ci.example.com"}, says: []string{"CI_JOB_TOKEN"}},
	"URL with user info":       {env: map[string]string{"GITLAB_URL": "https://maya:secret@url.example.com"}, says: []string{"GITLAB_URL"}},
	"URL with query":           {env: map[string]string{"GITLAB_URL": "https://url.example.com?private_token=secret"}, says: []string{"GITLAB_URL"}},
	"URL of another kind":      {env: map[string]string{"GITLAB_URL": "ftp://url.example.com"}, says: []string{"GITLAB_URL"}},
	"URL with newline":         {env: map[string]string{"GITLAB_URL": "https://url.example.com\n"}, says: []string{"GITLAB_URL"}},
	"host with user info":      {env: map[string]string{"GITLAB_HOST": "maya:secret@host.example.com"}, says: []string{"GITLAB_HOST"}},
	"API without scheme":       {env: map[string]string{"CI_API_V4_URL": "ci.example.com/api/v4"}, says: []string{"CI_API_V4_URL"}},
	"server without scheme":    {env: map[string]string{"CI_SERVER_URL": "ci.example.com"}, says: []string{"CI_SERVER_URL"}},
	"URL over http": {
		env:  map[string]string{"GITLAB_URL": "http://url.example.com", "GITLAB_TOKEN": "glpat-secret"},
		says: []string{"GITLAB_URL", "http://", "WithInsecureHTTP"},
	},
	"host over http": {
		env:  map[string]string{"GITLAB_HOST": "http://host.example.com", "GITLAB_TOKEN": "glpat-secret"},
		says: []string{"GITLAB_HOST", "http://", "WithInsecureHTTP"},
	},
	"URL over http, as CI's server": {
		env:  map[string]string{"GITLAB_URL": "http://ci.example.com", "CI_SERVER_URL": "http://ci.example.com", "CI_JOB_TOKEN": "glcbt-secret"},
		says: []string{"GITLAB_URL", "WithInsecureHTTP"},
	},
	"option's URL over http, as CI's server": {
		env: map[string]string{"CI_SERVER_URL": "http://ci.example.com", "CI_JOB_TOKEN": "glcbt-secret"}, opts: []gitlabci.Option{gitlabci.WithBaseURL("http://ci.example.com")},
		says: []string{"WithBaseURL", "WithInsecureHTTP"},
	},
	"own token over http from CI": {
		env:  map[string]string{"CI": "true", "CI_SERVER_URL": "http://ci.example.com", "CI_JOB_TOKEN": "glcbt-secret", "GITLAB_TOKEN": "glpat-secret"},
		says: []string{"CI_SERVER_URL", "http://", "WithInsecureHTTP"},
	},
	"option's token over http from CI": {
		env: map[string]string{"CI": "true", "CI_API_V4_URL": "http://ci.example.com/api/v4"}, opts: []gitlabci.Option{gitlabci.WithToken("glpat-secret")},
		says: []string{"CI_API_V4_URL", "http://", "WithInsecureHTTP"},
	},
	"CI variables over http outside of a job": {
		env:  map[string]string{"CI_SERVER_URL": "http://ci.example.com", "CI_JOB_TOKEN": "glcbt-secret"},
		says: []string{"CI_SERVER_URL", "http://", "WithInsecureHTTP"},
	},
	"another job's token over http from CI": {
		env:  map[string]string{"CI": "true", "CI_SERVER_URL": "http://ci.example.com", "GITLAB_TOKEN": "glcbt-secret"},
		says: []string{"CI_SERVER_URL", "http://", "WithInsecureHTTP"},
	},
	"job's token as GITLAB_TOKEN, elsewhere": {
		env:  map[string]string{"CI_SERVER_URL": "https://ci.example.com", "GITLAB_URL": "https://url.example.com", "CI_JOB_TOKEN": "glcbt-secret", "GITLAB_TOKEN": "glcbt-secret"},
		says: []string{"GITLAB_TOKEN", "CI_JOB_TOKEN", "CI_SERVER_URL", "GITLAB_URL"},
	},
	"certificate without key": {
		env:  map[string]string{"CI_SERVER_TLS_CERT_FILE": "/nowhere"},
		says: []string{"CI_SERVER_TLS_CERT_FILE", "CI_SERVER_TLS_KEY_FILE", "missing"},
	},
	"unreadable certificate": {
		env:  map[string]string{"CI_SERVER_TLS_CERT_FILE": "/nowhere", "CI_SERVER_TLS_KEY_FILE": "/nowhere"},
		says: []string{"CI_SERVER_TLS_CERT_FILE", "CI_SERVER_TLS_KEY_FILE", "/nowhere"},
	},
	"job, no server":         {env: map[string]string{"CI_JOB_TOKEN": "glcbt-secret"}, says: []string{"CI_JOB_TOKEN", "CI_SERVER_URL"}},
	"job, API but no server": {env: map[string]string{"CI_JOB_TOKEN": "glcbt-secret", "CI_API_V4_URL": "https://ci.example.com/api/v4"}, says: []string{"CI_JOB_TOKEN", "CI_SERVER_URL"}},
	"job, server is not a URL": {
		env:  map[string]string{"CI_JOB_TOKEN": "glcbt-secret", "CI_SERVER_URL": "ci.example.com", "GITLAB_URL": "https://ci.example.com"},
		says: []string{"CI_JOB_TOKEN", "CI_SERVER_URL"},
	},
	"job, URL elsewhere":         envElsewhere("GITLAB_URL", "https://url.example.com"),
	"job, host elsewhere":        envElsewhere("GITLAB_HOST", "host.example.com"),
	"job, API elsewhere":         envElsewhere("CI_API_V4_URL", "https://api.example.com/api/v4"),
	"job, another port":          envElsewhere("GITLAB_URL", "https://ci.example.com:8443"),
	"job, another scheme":        envElsewhere("GITLAB_URL", "http://ci.example.com"),
	"job, another scheme's port": envElsewhere("GITLAB_URL", "http://ci.example.com:443"),
	"job, API over http":         envElsewhere("CI_API_V4_URL", "http://ci.example.com/api/v4"),
	"job, subdomain":             envElsewhere("GITLAB_URL", "https://a.ci.example.com"),
	"job, domain above":          envElsewhere("GITLAB_URL", "https://example.com"),
	"job, option elsewhere": {
		env: map[string]string{"CI_JOB_TOKEN": "glcbt-secret", "CI_SERVER_URL": "https://ci.example.com"}, opts: []gitlabci.Option{gitlabci.WithBaseURL("https://option.example.com")},
		says: []string{"CI_JOB_TOKEN", "CI_SERVER_URL", "WithBaseURL"},
	},
	"job, insecure option elsewhere": {
		env:  map[string]string{"CI_JOB_TOKEN": "glcbt-secret", "CI_SERVER_URL": "https://ci.example.com", "GITLAB_URL": "http://ci.example.com"},
		opts: []gitlabci.Option{gitlabci.WithInsecureHTTP()},
		says: []string{"CI_JOB_TOKEN", "CI_SERVER_URL", "GITLAB_URL"},
	},
	"bad option":  {opts: []gitlabci.Option{gitlabci.WithRetries(-1)}, says: []string{"WithRetries"}},
	"nil option":  {opts: []gitlabci.Option{nil}, says: []string{"Option is nil"}},
	"sudo, alone": {opts: []gitlabci.Option{gitlabci.WithSudo("maya")}, says: []string{"WithSudo"}},
	"two tokens":  {opts: []gitlabci.Option{gitlabci.WithToken("glpat-secret"), gitlabci.WithJobToken("glcbt-secret")}, says: []string{"WithToken", "WithJobToken"}},
}

// envElsewhere is a CI job in which one variable names another server.
func envElsewhere(name, value string) envRefusal {
	return envRefusal{
		env:  map[string]string{"CI_JOB_TOKEN": "glcbt-secret", "CI_SERVER_URL": "https://ci.example.com", name: value},
		says: []string{"CI_JOB_TOKEN", "CI_SERVER_URL", name, "GITLAB_TOKEN"},
	}
}

func TestEnvRefuses(t *testing.T) {
	for name, test := range envRefusals {
		t.Run(name, func(t *testing.T) {
			testkit.SetEnv(t, test.env)
			client, err := gitlabci.NewClientFromEnv(test.opts...)
			require.Nil(t, client)
			for _, says := range test.says {
				require.ErrorContains(t, err, says)
			}
			require.Regexp(t, "^gitlabci: ", err.Error())
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

// NewClient does what its options say, in any environment.
func TestEnvIsNotForNewClient(t *testing.T) {
	testkit.SetEnv(t, map[string]string{"GITLAB_TOKEN": "glpat-1", "GITLAB_URL": "https://url.example.com", "CI_SERVER_TLS_CA_FILE": "/nowhere"})
	trip := &clientTrip{}
	client, err := gitlabci.NewClient(gitlabci.WithTransport(trip))
	require.NoError(t, err)
	_, err = client.Pipelines.Get(t.Context(), "group/app", 42)
	require.NoError(t, err)
	require.Equal(t, "gitlab.com", trip.requests[0].URL.Host)
	require.Empty(t, trip.requests[0].Header.Values("Private-Token"))
}

// envWarnings are the records of level Warn in a log of JSON lines.
func envWarnings(t *testing.T, lines *bytes.Buffer) (warnings []map[string]any) {
	t.Helper()
	for decoder := json.NewDecoder(lines); ; {
		var record map[string]any
		err := decoder.Decode(&record)
		if errors.Is(err, io.EOF) {
			return warnings
		}
		require.NoError(t, err)
		if record["level"] == "WARN" {
			warnings = append(warnings, record)
		}
	}
}

// envWarned are environments, and the variable that a warning names, if any.
var envWarned = map[string]struct {
	env      map[string]string
	opts     []gitlabci.Option
	variable string
}{
	"server":          {env: map[string]string{"CI": "true", "CI_SERVER_URL": "http://ci.example.com", "CI_JOB_TOKEN": "glcbt-secret"}, variable: "CI_SERVER_URL"},
	"API":             {env: map[string]string{"CI": "true", "CI_API_V4_URL": "http://ci.example.com/api/v4", "CI_SERVER_URL": "http://ci.example.com", "CI_JOB_TOKEN": "glcbt-secret"}, variable: "CI_API_V4_URL"},
	"as GITLAB_TOKEN": {env: map[string]string{"CI": "true", "CI_SERVER_URL": "http://ci.example.com", "GITLAB_TOKEN": "glcbt-secret", "CI_JOB_TOKEN": "glcbt-secret"}, variable: "CI_SERVER_URL"},
	"no token":        {env: map[string]string{"CI_SERVER_URL": "http://ci.example.com"}},
	"over https":      {env: map[string]string{"CI_SERVER_URL": "https://ci.example.com", "CI_JOB_TOKEN": "glcbt-secret"}},
	"another server":  {env: map[string]string{"CI_SERVER_URL": "http://ci.example.com", "GITLAB_URL": "https://url.example.com", "GITLAB_TOKEN": "glpat-secret"}},
}

func TestEnvWarnsOfHTTP(t *testing.T) {
	for name, test := range envWarned {
		for _, ours := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, WithLogger %v", name, ours), func(t *testing.T) {
				testkit.SetEnv(t, test.env)
				var lines bytes.Buffer
				trip, logger := &clientTrip{}, slog.New(slog.NewJSONHandler(&lines, nil))
				opts := append(test.opts, gitlabci.WithTransport(trip))
				if ours {
					opts = append(opts, gitlabci.WithLogger(logger))
				} else {
					envDefaultLogger(t, logger)
				}
				client, err := gitlabci.NewClientFromEnv(opts...)
				require.NoError(t, err)
				_, err = client.Pipelines.Get(t.Context(), "group/app", 42)
				require.NoError(t, err)
				require.Len(t, trip.requests, 1)
				require.NotContains(t, lines.String(), "secret")
				warnings := envWarnings(t, &lines)
				if test.variable == "" {
					require.Empty(t, warnings)
					return
				}
				require.Len(t, warnings, 1)
				require.Contains(t, warnings[0]["msg"], "http://")
				require.Equal(t, test.variable, warnings[0]["variable"])
			})
		}
	}
}

// envDefaultLogger makes logger the default until the test ends. The log
// package, which slog redirects for good, is put back too.
func envDefaultLogger(t *testing.T, logger *slog.Logger) {
	t.Helper()
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
		log.SetFlags(flags)
	})
	slog.SetDefault(logger)
}

// An envListener counts its connections.
type envListener struct {
	net.Listener
	accepted atomic.Int64
}

func (l *envListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return conn, err
}

// envTLS serves https with a certificate that no system trusts, and returns
// its URL, a file with the certificate, and the count of connections.
func envTLS(t *testing.T) (address, file string, connections *atomic.Int64) {
	t.Helper()
	server := httptest.NewUnstartedServer(testkit.OK)
	listener := &envListener{Listener: server.Listener}
	server.Listener = listener
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that fail
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, testkit.CertificateFile(t, server), &listener.accepted
}

func TestEnvCertificates(t *testing.T) {
	address, file, _ := envTLS(t)
	testkit.SetEnv(t, map[string]string{"CI_SERVER_URL": address, "CI_JOB_TOKEN": "glcbt-1", "CI_SERVER_TLS_CA_FILE": file})
	client, err := gitlabci.NewClientFromEnv()
	require.NoError(t, err)
	pipeline, err := client.Pipelines.Get(t.Context(), "group/app", 7)
	require.NoError(t, err)
	require.Equal(t, gitlabci.PipelineID(7), pipeline.ID)
}

func TestEnvWithoutCertificates(t *testing.T) {
	address, file, connections := envTLS(t)
	tests := map[string]struct {
		env  map[string]string
		opts []gitlabci.Option
	}{
		"no variable":   {env: map[string]string{"CI_SERVER_URL": address, "CI_JOB_TOKEN": "glcbt-1"}},
		"own transport": {env: map[string]string{"CI_SERVER_URL": address, "CI_SERVER_TLS_CA_FILE": file}, opts: []gitlabci.Option{gitlabci.WithTransport(&http.Transport{})}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			testkit.SetEnv(t, test.env)
			before := connections.Load()
			client, err := gitlabci.NewClientFromEnv(test.opts...)
			require.NoError(t, err)
			_, err = client.Pipelines.Create(t.Context(), "group/app", "main", nil)
			_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
			require.True(t, untrusted, "%v", err)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.EqualValues(t, 1, connections.Load()-before, "it is as untrusted the next time")
		})
	}
}

func TestEnvUselessCertificates(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	key := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(key, []byte("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"), 0o600))
	for name, file := range map[string]string{
		"missing": filepath.Join(t.TempDir(), "missing.pem"), "a folder": t.TempDir(), "empty": empty, "a key": key,
		"the certificate itself": "-----BEGIN CERTIFICATE-----", "not a path": "a\x01b",
	} {
		t.Run(name, func(t *testing.T) {
			testkit.SetEnv(t, map[string]string{"CI_SERVER_URL": "https://ci.example.com", "CI_SERVER_TLS_CA_FILE": file})
			client, err := gitlabci.NewClientFromEnv()
			require.Nil(t, client)
			require.ErrorContains(t, err, "CI_SERVER_TLS_CA_FILE")
			require.NotContains(t, err.Error(), "c2VjcmV0")
		})
	}
}

// An unreadable file does not matter to a client with its own transport.
func TestEnvCertificatesOfAnOwnTransport(t *testing.T) {
	testkit.SetEnv(t, map[string]string{"CI_SERVER_TLS_CA_FILE": "/nowhere"})
	_, err := gitlabci.NewClientFromEnv(gitlabci.WithTransport(&clientTrip{}))
	require.NoError(t, err)
}

func TestEnvNumbers(t *testing.T) {
	readers := map[string]func() (any, error){
		"CI_PROJECT_ID":  func() (any, error) { return gitlabci.ProjectFromEnv() },
		"CI_PIPELINE_ID": func() (any, error) { return gitlabci.PipelineFromEnv() },
		"CI_JOB_ID":      func() (any, error) { return gitlabci.JobFromEnv() },
	}
	values := map[string]any{
		"CI_PROJECT_ID": gitlabci.ProjectID("9007199254740993"), "CI_PIPELINE_ID": gitlabci.PipelineID(9007199254740993), "CI_JOB_ID": gitlabci.JobID(9007199254740993),
	}
	for variable, read := range readers {
		t.Run(variable, func(t *testing.T) {
			testkit.SetEnv(t, map[string]string{"CI_PROJECT_ID": "1", "CI_PIPELINE_ID": "2", "CI_JOB_ID": "3", variable: "9007199254740993"})
			value, err := read()
			require.NoError(t, err)
			require.Equal(t, values[variable], value)
			for _, bad := range []string{"", "0", "-1", "x", "7a", "7.5", " 7", "7\n", "0x7", "9223372036854775808", "group/app"} {
				t.Setenv(variable, bad)
				value, err = read()
				require.ErrorContains(t, err, variable, bad)
				require.Zero(t, value, bad)
				require.NotContains(t, strings.TrimSpace(err.Error()), "\n")
			}
			require.NoError(t, os.Unsetenv(variable))
			value, err = read()
			require.ErrorContains(t, err, variable)
			require.ErrorContains(t, err, "not set")
			require.Zero(t, value)
		})
	}
}

// A project from the environment can be asked for.
func TestEnvProjectIsAProject(t *testing.T) {
	testkit.SetEnv(t, map[string]string{"CI_PROJECT_ID": "7", "CI_PIPELINE_ID": "42"})
	project, err := gitlabci.ProjectFromEnv()
	require.NoError(t, err)
	pipeline, err := gitlabci.PipelineFromEnv()
	require.NoError(t, err)
	s := testkit.NewScript(testkit.OK)
	_, err = s.Client(t).Pipelines.Get(t.Context(), project, pipeline)
	require.NoError(t, err)
	require.Equal(t, "/api/v4/projects/7/pipelines/42", testkit.OneRequest(t, s).RequestURI)
}
