package household

import "time"

// User is one person with an account.
type User struct {
	ID        int64     `json:"id"`
	Email     string    `json:"email" format:"email"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// UserPatch changes what is set and leaves the rest.
type UserPatch struct {
	Name *string `json:"name,omitempty" minLength:"1" maxLength:"100"`
}

// Role is what a person may do in one residence.
type Role string

// The roles, from the most to the least powerful. A residence has exactly one
// owner, who is named by the residence itself and never by a membership.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Roles lists them, the most powerful first.
func Roles() []Role { return []Role{RoleOwner, RoleAdmin, RoleMember} }

// Assignable reports whether a membership may carry r: ownership is not given
// away by a change of role.
func (r Role) Assignable() bool { return r == RoleAdmin || r == RoleMember }

// Action is something a person does in a residence that not every role may do.
type Action string

// The actions that need a role. Seeing a residence, its tasks, contractors and
// documents, and changing those three, needs membership only.
const (
	ActionDeleteResidence Action = "delete_residence"
	ActionEditResidence   Action = "edit_residence"
	ActionShare           Action = "share"
	ActionManageMembers   Action = "manage_members"
)

// May reports whether the role allows the action.
func (r Role) May(a Action) bool {
	switch a {
	case ActionDeleteResidence:
		return r == RoleOwner
	case ActionEditResidence, ActionShare, ActionManageMembers:
		return r == RoleOwner || r == RoleAdmin
	default:
		return false
	}
}

// Member is a person in a residence, the owner included.
type Member struct {
	UserID   int64     `json:"user_id"`
	Name     string    `json:"name"`
	Email    string    `json:"email"`
	Role     Role      `json:"role" enum:"owner,admin,member"`
	JoinedAt time.Time `json:"joined_at"`
}
