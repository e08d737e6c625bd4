package gitlabcitest

import (
	"cmp"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/rows"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A Commit is a commit to add. Zero fields have the value that the comment says.
type Commit struct {
	SHA       string    // made up from the message and its parent
	Branch    string    // whose head it becomes: the default branch
	Merges    string    // another branch that it merges into Branch; "" is none
	Message   string    // "Change " and Branch
	Paths     []string  // of the files that it changes: none
	Username  string    // of its author: "maya"
	CreatedAt time.Time // now
}

// AddCommit adds a commit on top of a branch, as a push does that starts no pipeline, and
// returns what was added: m with its defaults. The project is a path or an ID. A commit that
// refs and pipelines imply has no parents.
func (s *Server) AddCommit(project string, m Commit) *Commit {
	at := s.lock()
	defer s.mu.Unlock()
	const method = "AddCommit"
	owner := s.mustProject(method, project)
	m.Branch = cmp.Or(m.Branch, owner.branch)
	m.Message = cmp.Or(m.Message, "Change "+m.Branch)
	m.Username = cmp.Or(m.Username, defaultUsername)
	m.CreatedAt = orElse(m.CreatedAt, at)
	parents := []string{}
	for _, name := range []string{m.Branch, m.Merges} {
		head := owner.refs[name]
		switch {
		case name != "" && head == nil && name == m.Merges:
			misuse("%s: there is no branch %q to merge", method, name)
		case head != nil:
			parents = append(parents, head.sha)
		}
	}
	number := len(owner.commits) + 1
	m.SHA = cmp.Or(m.SHA, deriveSHA(m.Message+strings.Join(parents, " "), int64(number)))
	if owner.commits[m.SHA] != nil {
		misuse("%s: the commit %s exists already", method, m.SHA)
	}
	owner.commits[m.SHA] = &commit{
		project: owner, sha: m.SHA, ref: m.Branch, author: s.state.ensureUser(m.Username), created: m.CreatedAt,
		parents: parents, paths: slices.Clone(m.Paths), message: m.Message, number: number,
	}
	owner.moveRef(m.Branch, false, m.SHA, at)
	return &m
}

// DeleteRef deletes a branch or a tag. Its commits stay, as in GitLab for a while. It panics
// if there is none.
func (s *Server) DeleteRef(project, name string) {
	s.lock()
	defer s.mu.Unlock()
	owner := s.mustProject("DeleteRef", project)
	if owner.refs[name] == nil {
		misuse("DeleteRef: there is no branch or tag %q", name)
	}
	delete(owner.refs, name)
}

// refNames are the branches or the tags of a project, by name.
func (p *project) refNames(kind refKind, search string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(p.refs)) {
		if p.refs[name].kind == kind && matchesSearch(name, search) {
			names = append(names, name)
		}
	}
	return names
}

// matchesSearch reports whether a name has a text: "^a" is its beginning, "a$" its end.
func matchesSearch(name, search string) bool {
	name, search = strings.ToLower(name), strings.ToLower(search)
	if begin, anchored := strings.CutPrefix(search, "^"); anchored {
		return strings.HasPrefix(name, begin)
	}
	if end, anchored := strings.CutSuffix(search, "$"); anchored {
		return strings.HasSuffix(name, end)
	}
	return strings.Contains(name, search)
}

// byAge sorts branches or tags by their commits, oldest first.
func (s *state) byAge(p *project, names []string) {
	slices.SortStableFunc(names, func(a, b string) int {
		return s.commit(p, p.refs[a].sha).compare(s.commit(p, p.refs[b].sha))
	})
}

// compare puts the oldest first.
func (c commit) compare(other commit) int {
	return cmp.Or(c.created.Compare(other.created), cmp.Compare(c.number, other.number))
}

// listBranchParams has estimates.
func listBranchParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "search", Parse: rack.Text},
		rack.Param{Name: "regex", Parse: rack.Text, Known: versions.Since(15, 11)},
		rack.Param{Name: "sort", Parse: rack.OneOf("name_asc", "updated_asc", "updated_desc"), Known: versions.Since(15, 0)},
	)
}

func listBranches(c *call, p *project) *response {
	names := p.refNames(branchRef, value[string](c, "search"))
	if text := value[string](c, "regex"); text != "" {
		wanted, err := regexp.Compile(text)
		if err != nil {
			return badRequest(err.Error())
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !wanted.MatchString(name) })
	}
	switch value[string](c, "sort") {
	case "updated_asc":
		c.state.byAge(p, names)
	case "updated_desc":
		c.state.byAge(p, names)
		slices.Reverse(names)
	}
	part, header := numberedPage(c, names)
	render := func(name string) shape.Branch {
		return c.renderer().branch(name, p.refs[name], c.state.commit(p, p.refs[name].sha), c.access)
	}
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, render)}
}

func listTagParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "search", Parse: rack.Text},
		rack.Param{Name: "order_by", ParseIn: func(v versions.Version) rack.Parser {
			if v.Before(versions.Of(15, 4)) {
				return rack.OneOf("name", "updated")
			}
			return rack.OneOf("name", "updated", "version")
		}, Initial: "updated"},
		rack.Param{Name: "sort", Parse: rack.OneOf("asc", "desc"), Initial: "desc"},
	)
}

func listTags(c *call, p *project) *response {
	names := p.refNames(tagRef, value[string](c, "search"))
	switch value[string](c, "order_by") {
	case "updated":
		c.state.byAge(p, names)
	case "version":
		slices.SortStableFunc(names, compareVersions)
	}
	if value[string](c, "sort") == "desc" {
		slices.Reverse(names)
	}
	part, header := numberedPage(c, names)
	render := func(name string) shape.Tag {
		return c.renderer().tag(name, p.refs[name], c.state.commit(p, p.refs[name].sha))
	}
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, render)}
}

var digits = regexp.MustCompile(`\d+`)

// compareVersions compares the numbers in names, and then the names.
func compareVersions(a, b string) int {
	first, second := digits.FindAllString(a, -1), digits.FindAllString(b, -1)
	return cmp.Or(slices.CompareFunc(first, second, func(x, y string) int {
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
	}), strings.Compare(a, b))
}

func listCommitParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "ref_name", Parse: rack.Text},
		rack.Param{Name: "since", Parse: rack.Moment},
		rack.Param{Name: "until", Parse: rack.Moment},
		rack.Param{Name: "path", Parse: rack.Text},
		rack.Param{Name: "author", Parse: rack.Text, Known: versions.Since(15, 10)}, // an estimate
		rack.Param{Name: "all", Parse: rack.Boolean, Initial: "false"},
		rack.Param{Name: "first_parent", Parse: rack.Boolean, Initial: "false"},
	)
}

// listCommits lists the commits of a ref, newest first. Those of none are no error, and
// GitLab does not count them.
func listCommits(c *call, p *project) *response {
	var heads []string
	if value[bool](c, "all") {
		for _, head := range p.refs {
			heads = append(heads, head.sha)
		}
	} else if sha, found := p.revision(cmp.Or(value[string](c, "ref_name"), p.branch)); found {
		heads = []string{sha}
	}
	found := []commit{}
	for _, one := range c.state.history(p, heads, value[bool](c, "first_parent")) {
		if c.wantsCommit(one) {
			found = append(found, one)
		}
	}
	slices.SortFunc(found, func(a, b commit) int { return cmp.Or(b.compare(a), strings.Compare(a.sha, b.sha)) })
	part, header := uncountedPage(c, rows.List[commit]{All: found})
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().commit)}
}

// history are the commits that can be reached from some, each once.
func (s *state) history(p *project, heads []string, firstParent bool) (found []commit) {
	seen := map[string]bool{}
	for len(heads) > 0 {
		sha := heads[0]
		heads = heads[1:]
		if seen[sha] {
			continue
		}
		seen[sha] = true
		one := s.commit(p, sha)
		if one.parents == nil {
			one.parents = s.mergeParents(p, sha)
		}
		found = append(found, one)
		parents := one.parents
		if firstParent && len(parents) > 1 {
			parents = parents[:1]
		}
		heads = append(heads, parents...)
	}
	return found
}

func (c *call) wantsCommit(one commit) bool {
	path, author := value[string](c, "path"), value[string](c, "author")
	below := func(file string) bool {
		return file == path || strings.HasPrefix(file, strings.TrimSuffix(path, "/")+"/")
	}
	switch {
	case path != "" && !slices.ContainsFunc(one.paths, below):
		return false
	case !strings.Contains(capitalized(one.author.username)+" <"+one.author.email()+">", author):
		return false
	}
	return span{value[time.Time](c, "since").Truncate(time.Second), value[time.Time](c, "until")}.includes(one.created)
}
