package gitlabcitest

import (
	"slices"
	"strconv"
)

// A Role is the role of a user in a project. Each role may do what the lower ones may. The
// numbers are GitLab's. Zero is no member.
type Role int

const (
	RoleGuest      Role = 10 // sees the project, and pipelines and jobs unless they are private
	RolePlanner    Role = 15 // the same, as far as pipelines go
	RoleReporter   Role = 20 // sees private ones too
	RoleDeveloper  Role = 30 // creates, retries, cancels, plays, renames and keeps, and erases what is their own
	RoleMaintainer Role = 40 // does so on protected refs, reads variables, erases, forces, deletes artifacts
	RoleOwner      Role = 50 // deletes pipelines

	// RoleNoOne is above all roles. In [Settings] or a [Job] it means that nobody may do
	// something, not even administrators. No user can have it.
	RoleNoOne Role = 100
)

// isRole reports whether r is one that someone can have.
func (r Role) isRole() bool {
	return slices.Contains([]Role{RoleGuest, RolePlanner, RoleReporter, RoleDeveloper, RoleMaintainer, RoleOwner}, r)
}

// isLimit reports whether r can be the least role for something. Zero is the
// usual one.
func (r Role) isLimit() bool { return r == 0 || r == RoleNoOne || r.isRole() }

// A User is a person to add.
type User struct {
	Username string // required
	Admin    bool   // may do all that owners may in every project, and act as others by Sudo
	Blocked  bool   // is refused with 403 with any token
}

// AddUser adds a user, who is no member of any project and has no token, and
// returns their ID. See [Server.AddMember] and [Server.AddToken]. It panics if the user
// exists. A user also exists once a pipeline has the name.
func (s *Server) AddUser(u User) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case u.Username == "":
		misuse("AddUser: the user has no Username")
	case s.state.findUser(u.Username) != nil:
		misuse("AddUser: the user %q exists already", u.Username)
	}
	added := s.state.ensureUser(u.Username)
	added.admin, added.blocked, added.ownsAll = u.Admin, u.Blocked, false
	return added.id
}

// AddMember gives a user a role in a project, given by its path or ID, in place of the
// earlier one. A username that is new makes a user without a token. Zero ends a membership.
// It panics if there is no such project or role, and for "maya", who owns every project.
func (s *Server) AddMember(project, username string, role Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.mustProject("AddMember", project)
	switch {
	case username == "":
		misuse("AddMember: the user has no name")
	case username == defaultUsername:
		misuse("AddMember: %q owns every project; add another user", username)
	case role != 0 && !role.isRole():
		misuse("AddMember: there is no role %d", role)
	}
	u := s.state.ensureUser(username)
	u.ownsAll = false
	owner.members[u] = role
}

// userNamed finds a user by ID, if the text is a number, or else by username.
func (s *state) userNamed(text string) *user {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return s.findUser(text)
	}
	for _, u := range s.users {
		if u.id == id {
			return u
		}
	}
	return nil
}

// roleOf is what a user was made in the project, which for an administrator
// need not be anything.
func (p *project) roleOf(u *user) Role {
	if u.ownsAll {
		return RoleOwner
	}
	return max(p.members[u], p.state.inherited(p.path, u))
}
