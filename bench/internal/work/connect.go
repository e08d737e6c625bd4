package work

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
)

const (
	project = "group/app"
	token   = "glpat-of-nobody"
)

func newOurs(t Task, opts ...gitlabci.Option) (*gitlabci.Client, error) {
	trust, err := t.trust()
	if err != nil {
		return nil, err
	}
	if trust != nil {
		opts = append(opts, gitlabci.WithTLSConfig(trust))
	}
	return gitlabci.NewClient(append(opts, gitlabci.WithBaseURL(t.base()), gitlabci.WithToken(token))...)
}

func newTheirs(t Task, opts ...gitlab.ClientOptionFunc) (*gitlab.Client, error) {
	client, err := plainClient(t)
	if err != nil {
		return nil, err
	}
	if client != http.DefaultClient {
		opts = append(opts, gitlab.WithHTTPClient(client))
	}
	return gitlab.NewClient(token, append(opts, gitlab.WithBaseURL(t.base()))...)
}

// plainClient is net/http's, which trusts the server of the task.
func plainClient(t Task) (*http.Client, error) {
	trust, err := t.trust()
	if trust == nil || err != nil {
		return http.DefaultClient, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = trust
	return &http.Client{Transport: transport}, nil
}

// trust is the configuration for a server with a certificate of its own, or nil.
func (t Task) trust() (*tls.Config, error) {
	if t.Certificate == nil {
		return nil, nil
	}
	certificate, err := x509.ParseCertificate(t.Certificate)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return &tls.Config{RootCAs: roots}, nil
}

// base is the URL of a server. Without one, a transport in memory responds.
func (t Task) base() string {
	if t.Base == "" {
		return "https://gitlab.example.com"
	}
	return t.Base
}
