package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/webhook"
)

// The vector that GitLab's rules give, computed with other programs.
const (
	vectorToken     = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	vectorID        = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"
	vectorTime      = 1744578123
	vectorBody      = `{"object_kind":"pipeline","object_attributes":{"id":31,"status":"success"}}`
	vectorSignature = "v1,DEtxcT3GzMWa6f8pmylvA3hPro7lJb4ndJqpJmhvG1s="
)

const (
	otherToken = "whsec_ISECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	secret     = "secret-token-of-the-hook"
)

// newRequest returns a request with headers in turns of name and value.
func newRequest(body string, headers ...string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, "http://receiver.example.com/gitlab", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// sign signs as GitLab does.
func sign(token, id string, at int64, body string) (signature string) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(token, "whsec_"))
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signedRequest returns a request that was signed at a time.
func signedRequest(token, id string, at time.Time, body string) *http.Request {
	return newRequest(body, "webhook-id", id, "webhook-timestamp", strconv.FormatInt(at.Unix(), 10),
		"webhook-signature", sign(token, id, at.Unix(), body), "X-Gitlab-Event", "Pipeline Hook")
}

func newVerifier(t testing.TB, opts ...webhook.Option) *webhook.Verifier {
	t.Helper()
	v, err := webhook.NewVerifier(opts...)
	require.NoError(t, err)
	return v
}

// at runs a test at a time.
func at(t *testing.T, unix int64, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(unix, 0)))
		test(t)
	})
}

func TestSignatureVector(t *testing.T) {
	at(t, vectorTime, func(t *testing.T) {
		v := newVerifier(t, webhook.SigningToken(vectorToken))
		e, err := v.Parse(newRequest(vectorBody, "webhook-id", vectorID, "webhook-timestamp", strconv.Itoa(vectorTime), "webhook-signature", vectorSignature))
		require.NoError(t, err)
		require.Equal(t, vectorID, e.ID)
		require.Equal(t, vectorBody, string(e.Raw))
		require.True(t, e.Signed)
		require.Equal(t, time.Unix(vectorTime, 0).UTC(), e.Sent)
		require.EqualValues(t, 31, e.Pipeline.ID)
		require.Equal(t, vectorSignature, sign(vectorToken, vectorID, vectorTime, vectorBody), "the tests sign as the vector does")
	})
}

// No byte of what is signed, nor of the signature or the token, can be another one.
func TestSignatureOfChangedBytes(t *testing.T) {
	at(t, vectorTime, func(t *testing.T) {
		parts := [][]byte{[]byte(vectorID), []byte(strconv.Itoa(vectorTime)), []byte(vectorSignature), []byte(vectorBody), []byte(vectorToken)}
		try := func() error {
			v, err := webhook.NewVerifier(webhook.SigningToken(string(parts[4])), webhook.Tolerance(100*365*24*time.Hour))
			if err != nil {
				return webhook.ErrNotVerified // it is no token any more
			}
			_, err = v.Parse(newRequest(string(parts[3]), "webhook-id", string(parts[0]), "webhook-timestamp", string(parts[1]), "webhook-signature", string(parts[2])))
			return err
		}
		require.NoError(t, try())
		for n, part := range parts {
			for i, old := range part {
				for bit := range 8 {
					part[i] = old ^ 1<<bit
					require.ErrorIs(t, try(), webhook.ErrNotVerified, "part %d, byte %d, bit %d", n, i, bit)
				}
				part[i] = old
			}
			for _, changed := range [][]byte{part[:len(part)-1], part[1:], append(bytes.Clone(part), '0'), append([]byte("0"), part...), nil} {
				whole := part
				parts[n] = changed
				require.ErrorIs(t, try(), webhook.ErrNotVerified, "part %d as %q", n, changed)
				parts[n] = whole
			}
		}
		require.NoError(t, try())
	})
}

// Parts of the message cannot move from one field to another.
func TestSignatureOfMovedParts(t *testing.T) {
	at(t, vectorTime, func(t *testing.T) {
		v := newVerifier(t, webhook.SigningToken(vectorToken), webhook.Tolerance(24*time.Hour))
		body := strconv.Itoa(vectorTime) + ".5" // is JSON
		signature := sign(vectorToken, vectorID, vectorTime, body)
		_, err := v.Parse(newRequest("5", "webhook-id", vectorID+"."+strconv.Itoa(vectorTime), "webhook-timestamp", strconv.Itoa(vectorTime), "webhook-signature", signature))
		require.ErrorIs(t, err, webhook.ErrSignature)
		_, err = v.Parse(newRequest(body, "webhook-id", vectorID, "webhook-timestamp", strconv.Itoa(vectorTime), "webhook-signature", signature))
		require.NoError(t, err)
	})
}

func TestSignatureTimes(t *testing.T) {
	at(t, vectorTime, func(t *testing.T) {
		now := time.Now()
		for _, test := range []struct {
			tolerance time.Duration
			age       time.Duration
			err       error
		}{
			{0, 5 * time.Minute, nil},
			{0, -5 * time.Minute, nil},
			{0, 5*time.Minute + time.Second, webhook.ErrTimestamp},
			{0, -5*time.Minute - time.Second, webhook.ErrTimestamp},
			{time.Second, 2 * time.Second, webhook.ErrTimestamp},
			{time.Hour, 59 * time.Minute, nil},
			{time.Hour, 50 * 365 * 24 * time.Hour, webhook.ErrTimestamp},
		} {
			opts := []webhook.Option{webhook.SigningToken(vectorToken)}
			if test.tolerance > 0 {
				opts = append(opts, webhook.Tolerance(test.tolerance))
			}
			_, err := newVerifier(t, opts...).Parse(signedRequest(vectorToken, "a", now.Add(-test.age), `{}`))
			require.ErrorIs(t, err, test.err, test.age)
		}
		for _, timestamp := range []string{"", "0", "-1744578123", "+1744578123", " 1744578123", "1744578123.0", "1.7e9", "0x67fc2d4b", "99999999999999999999", "999999999999", "now"} {
			key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(vectorToken, "whsec_"))
			require.NoError(t, err)
			mac := hmac.New(sha256.New, key)
			fmt.Fprintf(mac, "a.%s.{}", timestamp)
			signature := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
			_, err = newVerifier(t, webhook.SigningToken(vectorToken)).Parse(newRequest("{}", "webhook-id", "a", "webhook-timestamp", timestamp, "webhook-signature", signature))
			require.ErrorIs(t, err, webhook.ErrNotVerified, timestamp)
		}
	})
}

// Every combination of verifiers, and of headers that are missing, right or wrong.
func TestSignatureAndTokenHeaders(t *testing.T) {
	signing, secretToken := webhook.SigningToken(vectorToken), webhook.SecretToken(secret)
	verifiers := map[string][]webhook.Option{
		"signing":        {signing},
		"secret":         {secretToken},
		"both":           {signing, secretToken},
		"several":        {webhook.SigningToken(otherToken), webhook.SecretToken("another"), signing, secretToken},
		"several signed": {webhook.SigningToken(otherToken), signing},
	}
	right := sign(vectorToken, vectorID, vectorTime, vectorBody)
	signatures := map[string][]string{
		"none": nil, "right": {right}, "wrong": {sign(otherToken, "b", vectorTime, vectorBody)}, "empty": {""},
		"right of two": {"v1,AAAA " + right}, "no v1": {strings.Replace(right, "v1,", "v2,", 1)}, "bare": {strings.TrimPrefix(right, "v1,")},
		"twice": {right, right}, "comma": {"v1,AAAA," + right},
	}
	tokens := map[string][]string{"none": nil, "right": {secret}, "wrong": {secret + "x"}, "empty": {""}, "twice": {secret, "x"}}
	at(t, vectorTime, func(t *testing.T) {
		tried := 0
		for named, opts := range verifiers {
			for signature, values := range signatures {
				for token, texts := range tokens {
					r := newRequest(vectorBody, "webhook-id", vectorID, "webhook-timestamp", strconv.Itoa(vectorTime))
					r.Header["Webhook-Signature"], r.Header["X-Gitlab-Token"] = values, texts
					_, err := newVerifier(t, opts...).Parse(r)
					want := wanted(named, signature, token)
					require.ErrorIs(t, err, want, "%s verifier, signature %s, token %s", named, signature, token)
					if want != nil {
						require.ErrorIs(t, err, webhook.ErrNotVerified)
					}
					tried++
				}
			}
		}
		require.Equal(t, 5*9*5, tried)
	})
}

// wanted is the rule: a signature that is there decides if there is a signing token, and
// otherwise the secret token, if there is one.
func wanted(verifier, signature, token string) error {
	signs, hasSecret := verifier != "secret", !strings.Contains(verifier, "sign")
	switch {
	case signature == "twice" || token == "twice":
		return webhook.ErrCredentials
	case signs && signature != "none":
		if signature == "right" || signature == "right of two" {
			return nil
		}
		return webhook.ErrSignature
	case !hasSecret || token == "none":
		return webhook.ErrCredentials
	case token == "right":
		return nil
	}
	return webhook.ErrToken
}

// The signed headers must be present exactly once.
func TestSignatureNeedsItsHeaders(t *testing.T) {
	at(t, vectorTime, func(t *testing.T) {
		for _, name := range []string{"Webhook-Id", "Webhook-Timestamp"} {
			for _, change := range []func(http.Header){
				func(h http.Header) { h.Del(name) },
				func(h http.Header) { h.Set(name, "") },
				func(h http.Header) { h.Add(name, h.Get(name)) },
			} {
				r := signedRequest(vectorToken, vectorID, time.Now(), vectorBody)
				r.Header.Set("Idempotency-Key", vectorID) // does not replace the ID
				r.Header.Set("X-Gitlab-Token", secret)
				change(r.Header)
				_, err := newVerifier(t, webhook.SigningToken(vectorToken), webhook.SecretToken(secret)).Parse(r)
				require.ErrorIs(t, err, webhook.ErrNotVerified, name)
			}
		}
	})
}

// A header that says who sent a request is refused if it is absurdly long, before it is
// held or divided.
func TestLongCredentials(t *testing.T) {
	at(t, vectorTime, func(t *testing.T) {
		for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "X-Gitlab-Token"} {
			r := signedRequest(vectorToken, vectorID, time.Now(), vectorBody)
			r.Header.Set(name, strings.TrimLeft(r.Header.Get(name)+strings.Repeat(" v1,", 300), " "))
			r.Body = io.NopCloser(failing{errors.New("it is read")})
			_, err := newVerifier(t, webhook.SigningToken(vectorToken), webhook.SecretToken(secret)).Parse(r)
			require.ErrorIs(t, err, webhook.ErrCredentials, name)
		}
		long := signedRequest(vectorToken, vectorID, time.Now(), vectorBody)
		long.Header.Set("Webhook-Signature", strings.Repeat("v1,AAAA ", 100)+long.Header.Get("Webhook-Signature"))
		_, err := newVerifier(t, webhook.SigningToken(vectorToken)).Parse(long)
		require.NoError(t, err)
	})
}

// While a token is replaced, the old and the new one are accepted.
func TestSigningTokenRotation(t *testing.T) {
	v := newVerifier(t, webhook.SigningToken(vectorToken), webhook.SigningToken(otherToken))
	for i, token := range []string{vectorToken, otherToken} {
		_, err := v.Parse(signedRequest(token, strconv.Itoa(i), time.Now(), vectorBody))
		require.NoError(t, err)
	}
	_, err := newVerifier(t, webhook.SigningToken(otherToken)).Parse(signedRequest(vectorToken, "2", time.Now(), vectorBody))
	require.ErrorIs(t, err, webhook.ErrSignature)
	r := signedRequest(vectorToken, "3", time.Now(), vectorBody)
	r.Header.Set("webhook-signature", sign(otherToken, "3", time.Now().Unix()-1, "")+" "+r.Header.Get("webhook-signature"))
	_, err = v.Parse(r)
	require.NoError(t, err, "a request that is signed with two tokens")
}

func TestOptionsThatAreRefused(t *testing.T) {
	for name, opts := range map[string][]webhook.Option{
		"no token":                {},
		"a tolerance alone":       {webhook.Tolerance(time.Minute)},
		"an empty secret token":   {webhook.SecretToken("")},
		"a line feed of a file":   {webhook.SecretToken(secret + "\n")},
		"a space":                 {webhook.SecretToken(" " + secret)},
		"a long secret token":     {webhook.SecretToken(strings.Repeat("secret-token", 100))},
		"no signing token":        {webhook.SigningToken("")},
		"a secret token":          {webhook.SigningToken(secret)},
		"no prefix":               {webhook.SigningToken(strings.TrimPrefix(vectorToken, "whsec_"))},
		"31 bytes":                {webhook.SigningToken("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 31)))},
		"33 bytes":                {webhook.SigningToken("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 33)))},
		"no padding":              {webhook.SigningToken(strings.TrimSuffix(vectorToken, "="))},
		"bits beyond the key":     {webhook.SigningToken(strings.TrimSuffix(vectorToken, "8=") + "9=")},
		"a line feed in a base64": {webhook.SigningToken(vectorToken + "\n")},
		"no tolerance":            {webhook.SigningToken(vectorToken), webhook.Tolerance(0)},
		"a negative tolerance":    {webhook.SigningToken(vectorToken), webhook.Tolerance(-time.Minute)},
		"no memory":               {webhook.SigningToken(vectorToken), webhook.ReplayMemory(0)},
	} {
		_, err := webhook.NewVerifier(opts...)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "secret-token", name)
		require.NotContains(t, err.Error(), "AAECAw", name)
	}
}

// No way of printing shows a token.
func TestVerifierIsNotPrinted(t *testing.T) {
	v := newVerifier(t, webhook.SigningToken(vectorToken), webhook.SecretToken(secret))
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(vectorToken, "whsec_"))
	require.NoError(t, err)
	holder := struct{ V webhook.Verifier }{*v}
	var text strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&text, verb+verb+verb, v, *v, holder)
	}
	for _, hidden := range []string{secret, vectorToken, fmt.Sprintf("%x", key), fmt.Sprint(key)[1:40], fmt.Sprintf("%x", sha256.Sum256([]byte(secret)))} {
		require.NotContains(t, text.String(), hidden)
	}
	require.Equal(t, "webhook.Verifier", fmt.Sprint(v))
}

func TestBodiesThatAreTooLarge(t *testing.T) {
	testkit.NotUnderRace(t)
	v := newVerifier(t, webhook.SecretToken(secret))
	most := 25 << 20
	for _, known := range []bool{true, false} {
		for _, size := range []int{most, most + 1} {
			body := io.Reader(strings.NewReader(strings.Repeat("x", size)))
			if !known {
				body = struct{ io.Reader }{body}
			}
			r, err := http.NewRequest(http.MethodPost, "/", body)
			require.NoError(t, err)
			r.Header.Set("X-Gitlab-Token", secret)
			_, err = v.Parse(r)
			if size > most {
				require.ErrorIs(t, err, webhook.ErrTooLarge)
			} else {
				require.ErrorIs(t, err, webhook.ErrMalformed, "the whole body is read, and seen to be no JSON")
			}
		}
	}
}

func TestBodiesThatAreMalformed(t *testing.T) {
	v := newVerifier(t, webhook.SecretToken(secret))
	for _, body := range []string{"", " ", "{", `{"object_kind":"pipeline"`, `{"object_kind":"pipeline"}{}`, "<html>", "object_kind=pipeline", "{'a':1}"} {
		_, err := v.Parse(newRequest(body, "X-Gitlab-Token", secret))
		require.ErrorIs(t, err, webhook.ErrMalformed, body)
		require.NotErrorIs(t, err, webhook.ErrNotVerified)
	}
	r := newRequest("")
	r.Body = nil
	r.Header.Set("X-Gitlab-Token", secret)
	_, err := v.Parse(r)
	require.ErrorIs(t, err, webhook.ErrMalformed)
	for want, err := range map[error]error{webhook.ErrMalformed: io.ErrUnexpectedEOF, io.ErrClosedPipe: io.ErrClosedPipe} {
		r := newRequest("")
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"a":1}`), failing{err}))
		r.Header.Set("X-Gitlab-Token", secret)
		_, err := v.Parse(r)
		require.ErrorIs(t, err, want)
	}
	r.Body = io.NopCloser(failing{})
	_, err = v.Parse(r)
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
