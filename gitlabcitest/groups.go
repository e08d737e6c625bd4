package gitlabcitest

import (
	"slices"
	"strconv"
	"strings"
)

// AddGroupMember gives a user a role in a group, given by its path or ID, and in all
// groups and projects below it, in place of the earlier one. A username that is new makes a
// user without a token. Zero ends a membership. It panics if there is no such group or
// role, and for "maya", who owns every group.
//
// A group exists if a project is below it.
func (s *Server) AddGroupMember(group, username string, role Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := s.mustGroup("AddGroupMember", group)
	switch {
	case username == "":
		misuse("AddGroupMember: the user has no name")
	case username == defaultUsername:
		misuse("AddGroupMember: %q owns every group; add another user", username)
	case role != 0 && !role.isRole():
		misuse("AddGroupMember: there is no role %d", role)
	}
	u := s.state.ensureUser(username)
	u.ownsAll = false
	if s.state.groupMembers[path] == nil {
		s.state.groupMembers[path] = map[*user]Role{}
	}
	s.state.groupMembers[path][u] = role
}

func (s *Server) mustGroup(method, id string) string {
	path := s.state.group(id)
	if path == "" {
		misuse("%s: there is no group %q; add a project below it with AddProject", method, id)
	}
	return path
}

// group finds the path of a group by that or, if the text is a number, by its ID; or
// returns "".
func (s *state) group(id string) string {
	if n, err := strconv.Atoi(id); err == nil {
		if n < 1 || n > len(s.groups) {
			return ""
		}
		return s.groups[n-1]
	}
	if slices.Contains(s.groups, id) {
		return id
	}
	return ""
}

// inherited is the role of a user by the groups that a path is in, or in a group itself.
func (s *state) inherited(path string, u *user) (role Role) {
	for group, members := range s.groupMembers {
		if path == group || strings.HasPrefix(path, group+"/") {
			role = max(role, members[u])
		}
	}
	return role
}

// accessToGroup is what someone may do in a group. It has no project.
func (s *state) accessToGroup(path string, u *user) access {
	switch {
	case u == nil:
		return access{}
	case u.admin || u.ownsAll:
		return access{user: u, role: RoleOwner}
	}
	return access{user: u, role: s.inherited(path, u)}
}

// seesGroup reports whether a group is visible: whether something in it is.
func (s *state) seesGroup(path string, a access) bool {
	return a.role > 0 || slices.ContainsFunc(s.projects, func(p *project) bool {
		return strings.HasPrefix(p.path, path+"/") && p.accessOf(a.user).see()
	})
}

// inGroup makes a handler of one that works on a group.
func inGroup(handle func(*call, string) *response) func(*call) *response {
	return func(c *call) *response {
		path := c.state.group(value[string](c, "id"))
		c.access = c.state.accessToGroup(path, c.user)
		switch {
		case path == "" || !c.state.seesGroup(path, c.access):
			return notFound("Group Not Found")
		case !c.route.demand.allows(c.access):
			return forbidden()
		}
		return handle(c, path)
	}
}

// onInstance makes a handler of one that works on the instance, which is for administrators.
func onInstance(handle func(*call) *response) func(*call) *response {
	return func(c *call) *response {
		if !c.user.admin {
			return forbidden()
		}
		return handle(c)
	}
}
