package gitlabci

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"example.com/gitlabci/internal/rest"
)

// NewClientFromEnv returns a client that is configured by environment variables. Options
// take precedence over them.
//
// The token is GITLAB_TOKEN, else CI_JOB_TOKEN, else none. The server is
// GITLAB_URL or its alias GITLAB_HOST, whose scheme may be left out for https, else
// CI_API_V4_URL, else CI_SERVER_URL, else https://gitlab.com. A job's token
// goes only to CI_SERVER_URL: another server without GITLAB_TOKEN is an error.
//
// The certificates in CI_SERVER_TLS_CA_FILE are trusted beside the system's,
// unless [WithTransport] is given. An http:// URL in a CI_ variable is the
// administrator's choice: it is accepted, with a warning in the log
// ([slog.Default] without [WithLogger]).
//
// See https://docs.gitlab.com/ci/variables/predefined_variables/.
func NewClientFromEnv(opts ...Option) (*Client, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("gitlabci: %w", err)
	}
	for _, fill := range []func() error{cfg.baseFromEnv, cfg.tokenFromEnv, cfg.acceptHTTP, cfg.certificatesFromEnv} {
		if err := fill(); err != nil {
			return nil, fmt.Errorf("gitlabci: %w", err)
		}
	}
	return newClient(cfg)
}

func (c *config) baseFromEnv() error {
	if c.Base != nil {
		return nil
	}
	for _, name := range []string{"GITLAB_URL", "GITLAB_HOST", "CI_API_V4_URL", "CI_SERVER_URL"} {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		if strings.HasPrefix(name, "GITLAB_") && !strings.Contains(value, "://") {
			value = "https://" + value
		}
		return c.setBase(name, value)
	}
	return nil
}

func (c *config) tokenFromEnv() error {
	if c.Auth != nil {
		return nil
	}
	if token := os.Getenv("GITLAB_TOKEN"); token != "" {
		return fixedToken("GITLAB_TOKEN", "PRIVATE-TOKEN", "", token)(c)
	}
	token := os.Getenv("CI_JOB_TOKEN")
	if token == "" {
		return nil
	}
	home, err := parseBase(os.Getenv("CI_SERVER_URL"))
	if err != nil {
		return fmt.Errorf("CI_JOB_TOKEN: CI_SERVER_URL, the only server it may be sent to, is missing or not a URL: %w", err)
	}
	if !rest.SameOrigin(c.Base, home) {
		return fmt.Errorf("CI_JOB_TOKEN: it belongs to CI_SERVER_URL, and %s names another server; set GITLAB_TOKEN for that one", c.baseFrom)
	}
	return fixedToken("CI_JOB_TOKEN", "JOB-TOKEN", "", token)(c)
}

// acceptHTTP allows http:// for a CI_ variable: it is set by the administrator, whose
// runner sends the job's token over http:// anyway.
func (c *config) acceptHTTP() error {
	if c.Auth != nil && c.Base != nil && c.Base.Scheme == "http" && strings.HasPrefix(c.baseFrom, "CI_") {
		c.insecureHTTP = true
		cmp.Or(c.Logger, slog.Default()).Warn("gitlabci: the token travels over http:// in the clear", "variable", c.baseFrom)
	}
	return nil
}

func (c *config) certificatesFromEnv() error {
	file := os.Getenv("CI_SERVER_TLS_CA_FILE")
	if file == "" || c.Transport != nil {
		return nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("CI_SERVER_TLS_CA_FILE: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return fmt.Errorf("CI_SERVER_TLS_CA_FILE: the system's certificates: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("CI_SERVER_TLS_CA_FILE: %s holds no certificate", file)
	}
	transport := rest.DefaultTransport(c.Timeouts)
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	c.Transport = transport
	return nil
}

// ProjectFromEnv returns the project of the CI job this program runs in, from
// CI_PROJECT_ID.
func ProjectFromEnv() (ProjectID, error) {
	n, err := numberFromEnv("CI_PROJECT_ID")
	if err != nil {
		return "", err
	}
	return ProjectNumber(n), nil
}

// PipelineFromEnv returns the pipeline of the CI job this program runs in,
// from CI_PIPELINE_ID.
func PipelineFromEnv() (PipelineID, error) {
	n, err := numberFromEnv("CI_PIPELINE_ID")
	return PipelineID(n), err
}

// JobFromEnv returns the CI job this program runs in, from CI_JOB_ID.
func JobFromEnv() (JobID, error) {
	n, err := numberFromEnv("CI_JOB_ID")
	return JobID(n), err
}

func numberFromEnv(name string) (int64, error) {
	value := os.Getenv(name)
	if value == "" {
		return 0, fmt.Errorf("gitlabci: %s is not set: is this a CI job?", name)
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("gitlabci: %s is %q, not a number above zero", name, value)
	}
	return n, nil
}
