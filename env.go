package gitlabci

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
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
// CI_API_V4_URL, else CI_SERVER_URL, else https://gitlab.com. The choice is logged at
// level Debug. CI_JOB_TOKEN goes only to CI_SERVER_URL: another server without
// GITLAB_TOKEN is an error. A GITLAB_TOKEN that is the token of a job, because it equals
// CI_JOB_TOKEN or begins with "glcbt-", is sent as by [WithJobToken].
//
// The certificates in CI_SERVER_TLS_CA_FILE are trusted beside the system's, and those in
// CI_SERVER_TLS_CERT_FILE and CI_SERVER_TLS_KEY_FILE identify the client, unless
// [WithTransport] is given or [WithTLSConfig] has others.
//
// An http:// URL of another machine is an error without [WithInsecureHTTP]. In a CI job,
// where CI is "true", one in a CI_ variable is accepted for CI_JOB_TOKEN, which the runner
// has sent there already. Warnings are logged, by [slog.Default] without [WithLogger].
//
// See https://docs.gitlab.com/ci/variables/predefined_variables/.
func NewClientFromEnv(opts ...Option) (*Client, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, rest.Errorf("%w", err)
	}
	for _, fill := range []func() error{cfg.baseFromEnv, cfg.tokenFromEnv, cfg.acceptHTTP, cfg.certificatesFromEnv, cfg.logChoice} {
		if err := fill(); err != nil {
			return nil, rest.Errorf("%w", err)
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
	token, ofJob := os.Getenv("GITLAB_TOKEN"), os.Getenv("CI_JOB_TOKEN")
	switch {
	case token == "" && ofJob == "":
		return nil
	case token == "":
		return c.useTokenOfJob("CI_JOB_TOKEN", ofJob)
	case token == ofJob:
		return c.useTokenOfJob("GITLAB_TOKEN", token)
	case strings.HasPrefix(token, "glcbt-"): // GitLab's prefix for the tokens of jobs
		return fixedToken("GITLAB_TOKEN", "JOB-TOKEN", "", token)(c)
	}
	return fixedToken("GITLAB_TOKEN", "PRIVATE-TOKEN", "", token)(c)
}

// useTokenOfJob uses the token of the job that this program runs in.
func (c *config) useTokenOfJob(from, token string) error {
	home, err := parseBase(os.Getenv("CI_SERVER_URL"))
	if err != nil {
		return fmt.Errorf("%s: CI_SERVER_URL, the only server that CI_JOB_TOKEN may be sent to, is missing or not a URL: %w", from, err)
	}
	if !rest.SameOrigin(c.Base, home) {
		return fmt.Errorf("%s: CI_JOB_TOKEN belongs to CI_SERVER_URL, and %s names another server; set GITLAB_TOKEN to a token of that one", from, c.baseFrom)
	}
	c.isTokenOfJob = true
	return fixedToken(from, "JOB-TOKEN", "", token)(c)
}

// acceptHTTP trusts the CI_ variables of a job, which the administrator sets, with the
// token of that job, which the runner sends that way already. Elsewhere they may be from
// a file.
func (c *config) acceptHTTP() error {
	if c.isTokenOfJob && os.Getenv("CI") == "true" && c.Base.Scheme == "http" && strings.HasPrefix(c.baseFrom, "CI_") {
		c.insecureHTTP = true
		cmp.Or(c.Logger, slog.Default()).Warn("gitlabci: the token travels over http:// in the clear", "variable", c.baseFrom)
	}
	return nil
}

// logChoice logs the server and the kind of token that were chosen.
func (c *config) logChoice() error {
	token := "none"
	if c.Auth != nil {
		token = c.Auth.From
	}
	cmp.Or(c.Logger, slog.Default()).Debug("gitlabci: client", "server", cmp.Or(c.Base, defaultBase).String(), "server_from", cmp.Or(c.baseFrom, "default"), "token_from", token)
	return nil
}

// certificatesFromEnv fills what the options leave open of the TLS configuration.
func (c *config) certificatesFromEnv() error {
	t := &c.transport
	if t.given != nil {
		return nil
	}
	filled := cmp.Or(t.tls, &tls.Config{})
	if file := os.Getenv("CI_SERVER_TLS_CA_FILE"); file != "" && filled.RootCAs == nil {
		pool, err := readPool(file)
		if err != nil {
			return fmt.Errorf("CI_SERVER_TLS_CA_FILE: %w", err)
		}
		filled.RootCAs, t.tls = pool, filled
	}
	cert, key := os.Getenv("CI_SERVER_TLS_CERT_FILE"), os.Getenv("CI_SERVER_TLS_KEY_FILE")
	if cert == "" && key == "" || len(filled.Certificates) > 0 || filled.GetClientCertificate != nil {
		return nil
	}
	if cert == "" || key == "" {
		return errors.New("CI_SERVER_TLS_CERT_FILE and CI_SERVER_TLS_KEY_FILE: one of them is missing")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("CI_SERVER_TLS_CERT_FILE and CI_SERVER_TLS_KEY_FILE: %w", err)
	}
	filled.Certificates, t.tls = []tls.Certificate{pair}, filled
	return nil
}

// readPool adds the certificates in a file to the system's.
func readPool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("the system's certificates: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
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
