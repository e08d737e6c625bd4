package gitlabcitest

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci"
)

// StorageURL is where the storage of every [Server] in memory is. Only its
// [Server.Client] and [Server.Transport] reach it. For a server that listens,
// [Server.Start] opens a second port instead.
const StorageURL = "https://storage.example.com"

// StorageRoute is the route of requests to the storage, in [Request] and in
// [Fault].
const StorageRoute = "GET storage"

// A Storage is an object storage, such as S3, in which GitLab keeps archives
// and reports. Its URLs are signed and expire. As S3 does, it refuses a request
// with an Authorization header, since the URL is signed already. Zero fields
// have the value that the comment says.
type Storage struct {
	// Lifetime is how long a signed URL is valid, in whole seconds from the second
	// in which GitLab signs it: five minutes.
	Lifetime time.Duration

	// NoRanges means that Range is ignored: the response is the whole file.
	NoRanges bool

	// NoSuffixRanges means that a Range of the last bytes, "bytes=-N", is
	// ignored, as by Azure. Others are not.
	NoSuffixRanges bool

	// NoHead means that the storage refuses HEAD with 403, since GitLab signs
	// its URLs for GET alone, as for other stores than AWS. Otherwise a HEAD
	// request is redirected to a URL for HEAD.
	NoHead bool

	// Proxied means that GitLab fetches the file and serves it at its own URL,
	// with the headers of the storage. Otherwise it redirects. The parameter
	// download_mode of a request takes precedence.
	Proxied bool

	// Strict means that the storage refuses every credential of GitLab's:
	// PRIVATE-TOKEN, JOB-TOKEN, Sudo and Cookie as it does Authorization. A real storage
	// ignores them, and its operator can read them. Without Strict, [Server.Requests] shows
	// whether a client sent one.
	Strict bool
}

// WithStorage keeps archives and reports in a storage, on another origin than GitLab:
// [StorageURL]. GitLab itself still serves single files of an archive, its tree and logs.
// The default is GitLab's own disk. If a test listens itself, for example with httptest,
// there is no storage; [Server.Start] has one. It panics if the Lifetime is negative or not
// in whole seconds.
func WithStorage(given Storage) Option {
	if given.Lifetime < 0 || given.Lifetime%time.Second != 0 {
		misuse("WithStorage: a Lifetime of %v is not in whole seconds", given.Lifetime)
	}
	given.Lifetime = cmp.Or(given.Lifetime, 5*time.Minute)
	return func(s *Server) { s.delivery.storage = &storage{given} }
}

// A storage is a Storage in use.
type storage struct{ Storage }

const (
	storageKey    = "FAKESTORAGEKEY"
	storageSecret = "not a secret, since all of it is in memory"
	amzTime       = "20060102T150405Z"
)

// redirect redirects a client to the storage. The body has the URL, too.
func (c *call) redirect(j *job, a *artifact) *response {
	method := http.MethodGet
	if c.request.Method == http.MethodHead && !c.storage.NoHead {
		method = http.MethodHead
	}
	location := storageOrigin(c.request) + c.storage.sign(method, objectPath(j, a), c.now)
	header := http.Header{"Location": {location}, "Content-Type": {"text/plain"}}
	if c.strongETags {
		header.Set("ETag", c.etag(a))
	}
	return &response{
		status: http.StatusFound,
		header: header,
		body:   []byte("This resource has been moved temporarily to " + location + "."),
	}
}

// objectPath is where in the storage an artifact is.
func objectPath(j *job, a *artifact) string {
	return fmt.Sprintf("/ci-artifacts/%d/%d/%s/%s", j.pipeline.project.id, j.id, a.kind, a.name)
}

// sign signs a path for a method, from now on.
func (st *storage) sign(method, path string, now time.Time) string {
	query := url.Values{
		"X-Amz-Algorithm":     {"AWS4-HMAC-SHA256"},
		"X-Amz-Credential":    {storageKey + now.Format("/20060102") + "/us-east-1/s3/aws4_request"},
		"X-Amz-Date":          {now.Format(amzTime)},
		"X-Amz-Expires":       {strconv.Itoa(int(st.Lifetime / time.Second))},
		"X-Amz-SignedHeaders": {"host"},
	}
	query.Set("X-Amz-Signature", signature(method, path, query))
	return path + "?" + query.Encode()
}

// signature covers all of a request but its headers.
func signature(method, path string, query url.Values) string {
	mac := hmac.New(sha256.New, []byte(storageSecret))
	fmt.Fprintf(mac, "%s\n%s\n%s", method, path, query.Encode())
	return hex.EncodeToString(mac.Sum(nil))
}

// originKey is the key of a request's context for the storage's origin as the client
// reaches it: a client that connects by a socket cannot reach into memory. For a storage
// that listens on all IP addresses, it is the one that the client connected to.
type originKey struct{}

func withStorageOrigin(ctx context.Context, origin string) context.Context {
	return context.WithValue(ctx, originKey{}, origin)
}

func storageOrigin(r *http.Request) string {
	origin, _ := r.Context().Value(originKey{}).(string)
	u, err := url.Parse(origin)
	if err == nil && net.ParseIP(u.Hostname()).IsUnspecified() {
		host := url.URL{Host: r.Host}
		u.Host = net.JoinHostPort(host.Hostname(), u.Port())
		return u.String()
	}
	return cmp.Or(origin, StorageURL)
}

// storageRoute is where requests to the storage lead. No path on GitLab does.
var storageRoute = &route{name: StorageRoute}

type toStorageKey struct{}

// atStorage is the handler of the storage's origin. It only marks requests, so
// that they are noted and go wrong as those to GitLab do.
func (s *Server) atStorage(w http.ResponseWriter, r *http.Request) {
	s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), toStorageKey{}, true)))
}

// find finds the route of a request, to GitLab or to its storage.
func (s *Server) find(r *http.Request) match {
	if r.Context().Value(toStorageKey{}) != nil {
		return match{route: storageRoute}
	}
	if found, ok := s.findAdded(r); ok {
		return found
	}
	found := findRoute(s.routes, r.Method, r.URL.EscapedPath())
	if found.route == nil {
		found.unknown = !found.past && findRoute(routes, r.Method, r.URL.EscapedPath()).route == nil
	}
	return found
}

// fetch responds to a request to the storage, without a header of GitLab's.
func (s *Server) fetch(r *http.Request, at time.Time) *response {
	a := s.delivery.storage.fetch(r, s.state, at)
	a.header.Set("X-Amz-Request-Id", fmt.Sprintf("%016X", s.responses))
	return a
}

// A storageError is how the storage says no.
type storageError struct {
	XMLName    xml.Name `xml:"Error"`
	Code       string
	Message    string
	Key        string `xml:",omitempty"`
	Argument   string `xml:"ArgumentName,omitempty"`
	Provided   string `xml:"SignatureProvided,omitempty"`
	Lifetime   string `xml:"X-Amz-Expires,omitempty"`
	Expires    string `xml:",omitempty"`
	ServerTime string `xml:",omitempty"`
}

func (e storageError) response(status int, header http.Header) *response {
	body, _ := xml.Marshal(e) // of texts, which always encode
	header.Set("Content-Type", "application/xml")
	return &response{status: status, header: header, body: append([]byte(xml.Header), body...)}
}

// fetch finds out whether a request is in order, and responds to it.
func (st *storage) fetch(r *http.Request, known *state, now time.Time) *response {
	query := r.URL.Query()
	if name := st.credential(r.Header); name != "" {
		text := "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or a header should be specified"
		return storageError{Code: "InvalidArgument", Message: text, Argument: name}.response(http.StatusBadRequest, http.Header{})
	}
	if !st.allows(r) {
		text := "The request signature we calculated does not match the signature you provided. Check your key and signing method."
		wrong := storageError{Code: "SignatureDoesNotMatch", Message: text, Provided: query.Get("X-Amz-Signature")}
		return wrong.response(http.StatusForbidden, http.Header{})
	}
	signed, _ := time.Parse(amzTime, query.Get("X-Amz-Date")) // as it was written
	if end := signed.Add(st.Lifetime); !now.Before(end) {
		late := storageError{Code: "AccessDenied", Message: "Request has expired", Lifetime: query.Get("X-Amz-Expires")}
		late.Expires, late.ServerTime = end.Format(time.RFC3339), now.Format(time.RFC3339)
		return late.response(http.StatusForbidden, http.Header{})
	}
	a := known.object(r.URL.Path, now)
	if a == nil {
		missing := storageError{Code: "NoSuchKey", Message: "The specified key does not exist.", Key: strings.TrimPrefix(r.URL.Path, "/")}
		return missing.response(http.StatusNotFound, http.Header{})
	}
	return st.object(r, a)
}

// credential is the name of a header for which the storage refuses a request,
// or "".
func (st *storage) credential(header http.Header) string {
	refused := []string{"Authorization"}
	if st.Strict {
		refused = append(refused, "Private-Token", "Job-Token", "Sudo", "Cookie")
	}
	for _, name := range refused {
		if header.Get(name) != "" {
			return name
		}
	}
	return ""
}

// allows reports whether a URL is signed for what it is used for.
func (st *storage) allows(r *http.Request) bool {
	query := r.URL.Query()
	given := query.Get("X-Amz-Signature")
	query.Del("X-Amz-Signature")
	signedFor := func(method string) bool {
		return hmac.Equal([]byte(given), []byte(signature(method, r.URL.EscapedPath(), query)))
	}
	switch r.Method {
	case http.MethodGet:
		return signedFor(http.MethodGet)
	case http.MethodHead:
		return signedFor(http.MethodHead) || !st.NoHead && signedFor(http.MethodGet)
	}
	return false
}

// object finds an artifact by its path in the storage.
func (s *state) object(path string, now time.Time) *artifact {
	var project int64
	var id gitlabci.JobID
	fmt.Sscanf(path, "/ci-artifacts/%d/%d/", &project, &id) // what does not fit is no job's
	j := s.jobs[id]
	if j == nil {
		return nil
	}
	for _, a := range j.available(now) {
		if objectPath(j, a) == path {
			return a
		}
	}
	return nil
}

var suffixRange = regexp.MustCompile(`[=,]\s*-`)

// object serves an artifact, with the headers of the storage.
func (st *storage) object(r *http.Request, a *artifact) *response {
	req := r.Clone(r.Context())
	if st.NoRanges || st.NoSuffixRanges && suffixRange.MatchString(r.Header.Get("Range")) {
		req.Header.Del("Range")
	}
	header := http.Header{}
	header.Set("Content-Type", "application/octet-stream")
	header.Set("ETag", `"`+hex.EncodeToString(a.sum()[:16])+`"`)
	found := fileResponse(req, header, a.created, a.data)
	if st.NoRanges {
		found.header.Del("Accept-Ranges")
	}
	switch found.status {
	case http.StatusRequestedRangeNotSatisfiable:
		size := http.Header{"Content-Range": found.header["Content-Range"]}
		return storageError{Code: "InvalidRange", Message: "The requested range is not satisfiable"}.response(found.status, size)
	case http.StatusPreconditionFailed:
		text := "At least one of the pre-conditions you specified did not hold"
		return storageError{Code: "PreconditionFailed", Message: text}.response(found.status, http.Header{})
	}
	return found
}
