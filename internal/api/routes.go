package api

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

const (
	get   = http.MethodGet
	post  = http.MethodPost
	patch = http.MethodPatch
)

// Routes is every route that the public address serves. A function and not a
// variable: as a variable it and the handlers would initialize each other.
func Routes() []Route {
	table := accountRoutes()
	table = append(table, residenceRoutes()...)
	table = append(table, taskRoutes()...)
	table = append(table, recordRoutes()...)
	return append(table, systemRoutes()...)
}

func accountRoutes() []Route {
	return []Route{
		op(Route{
			ID: "register", Method: post, Path: "/api/auth/register/", Summary: "Create an account and log in",
			Status: http.StatusCreated, Statements: []string{"user_register"}, Budget: Budget{Warm: 1, Cold: 1},
		}, (*Server).register),
		op(Route{
			ID: "login", Method: post, Path: "/api/auth/login/", Summary: "Log in: get a token",
			Status: http.StatusOK, Statements: []string{"user_credentials", "token_create"}, Budget: Budget{Warm: 2, Cold: 2},
		}, (*Server).login),
		op(Route{
			ID: "logout", Method: post, Path: "/api/auth/logout/", Summary: "Log out: the token becomes invalid everywhere",
			Needs: NeedToken, Status: http.StatusNoContent, Statements: []string{"token_delete"}, Budget: Budget{Warm: 1, Cold: 2},
		}, (*Server).logout),
		op(Route{
			ID: "me", Method: get, Path: "/api/auth/me/", Summary: "Who am I",
			Needs: NeedToken, Status: http.StatusOK, Budget: Budget{Warm: 0, Cold: 1},
		}, (*Server).me),
		op(answered(patch, "update_me", "/api/auth/me/", "Change my name", NeedToken, "user_update"), (*Server).updateMe),
	}
}

func residenceRoutes() []Route {
	const list, one = "/api/residences/", "/api/residences/{id}/"
	return []Route{
		hot[Paging, List[household.Residence]](hotList("residence_list", list, "My residences"), cache.Residences, plainPage(), (*Server).listResidences),
		op(created("create_residence", list, "Create a residence as its owner", NeedToken, "residence_create"), (*Server).createResidence),
		op(answered(post, "join_residence", "/api/residences/join-with-code/", "Join a residence with a share code", NeedToken, "residence_join"), (*Server).joinResidence),
		op(answered(get, "get_residence", one, "One residence", NeedMember, "residence_get"), (*Server).getResidence),
		op(answered(patch, "update_residence", one, "Change a residence", NeedAdmin, "residence_update"), (*Server).updateResidence),
		op(deleted("delete_residence", one, "Delete a residence", NeedOwner, "residence_delete"), (*Server).deleteResidence),
		op(created("create_share_code", one+"share-code/", "Create a code with which others can join", NeedAdmin, "share_code_create"), (*Server).createShareCode),
		op(answered(get, "list_share_codes", one+"share-codes/", "Which share codes still admit people", NeedAdmin, "share_code_list"), (*Server).listShareCodes),
		op(deleted("revoke_share_code", one+"share-codes/{code_id}/", "Revoke a share code", NeedAdmin, "share_code_revoke"), (*Server).revokeShareCode),
		op(answered(get, "list_members", one+"users/", "Who belongs to a residence", NeedMember, "member_list"), (*Server).listMembers),
		op(answered(patch, "set_member_role", one+"users/{user_id}/", "Change a member's role", NeedAdmin, "member_set_role"), (*Server).setMemberRole),
		op(deleted("remove_member", one+"users/{user_id}/", "Remove a member, or leave", NeedAdmin, "member_remove"), (*Server).removeMember),
	}
}

func taskRoutes() []Route {
	const list, one = "/api/tasks/", "/api/tasks/{id}/"
	board := hotList("task_board", list, "The kanban board, or with archived=true the archived tasks")
	board.Takes = []string{"days", "archived"}
	board.Variants = []Variant{{Query: "archived=true", Takes: []string{"archived", "limit", "cursor"}, Statements: []string{"task_archived"}, Budget: Budget{Warm: 1, Cold: 2}}}
	undo := func(id, path, summary, statement string) Route {
		return answered(http.MethodDelete, id, path, summary, NeedMember, statement).on(cache.Tasks)
	}
	return []Route{
		hot[boardInput, BoardOrTasks](board, cache.Tasks, url.Values{"days": {strconv.Itoa(household.DueSoonDays)}, "archived": {"false"}}, (*Server).board),
		op(created("create_task", list, "Create a task", NeedMember, "task_create"), (*Server).createTask),
		op(answered(get, "get_task", one, "One task", NeedMember, "task_get"), (*Server).getTask),
		op(answered(patch, "update_task", one, "Change a task", NeedMember, "task_update").on(cache.Tasks), (*Server).updateTask),
		op(deleted("delete_task", one, "Delete a task", NeedMember, "task_delete").on(cache.Tasks), (*Server).deleteTask),
		op(answered(post, "complete_task", one+"complete/", "Complete a task; a recurring one gets its next due date", NeedMember, "task_complete").on(cache.Tasks), (*Server).completeTask),
		op(undo("uncomplete_task", one+"complete/", "Undo the last completion; repeating it undoes no older one", "task_uncomplete"), (*Server).uncompleteTask),
		op(answered(get, "list_completions", one+"completions/", "A task's completions, newest first", NeedMember, "completion_list"), (*Server).listCompletions),
		op(deleted("delete_completion", one+"completions/{completion_id}/", "Undo one completion", NeedMember, "task_uncomplete").on(cache.Tasks), (*Server).deleteCompletion),
		op(answered(post, "start_task", one+"start/", "Start a task", NeedMember, "task_start").on(cache.Tasks), (*Server).startTask),
		op(undo("unstart_task", one+"start/", "Undo the start", "task_unstart"), (*Server).unstartTask),
		op(answered(post, "archive_task", one+"archive/", "Archive a task", NeedMember, "task_archive").on(cache.Tasks), (*Server).archiveTask),
		op(undo("unarchive_task", one+"archive/", "Restore a task from the archive", "task_unarchive"), (*Server).unarchiveTask),
	}
}

func recordRoutes() []Route {
	return []Route{
		hot[Paging, List[household.Contractor]](hotList("contractor_list", "/api/contractors/", "My contractors"), cache.Contractors, plainPage(), (*Server).listContractors),
		op(created("create_contractor", "/api/contractors/", "Add a contractor", NeedMember, "contractor_create"), (*Server).createContractor),
		op(deleted("delete_contractor", "/api/contractors/{id}/", "Delete a contractor", NeedMember, "contractor_delete").on(cache.Contractors), (*Server).deleteContractor),
		hot[Paging, List[household.Document]](hotList("document_list", "/api/documents/", "My documents"), cache.Documents, plainPage(), (*Server).listDocuments),
		op(created("create_document", "/api/documents/", "Add a document", NeedMember, "document_create"), (*Server).createDocument),
		op(deleted("delete_document", "/api/documents/{id}/", "Delete a document", NeedMember, "document_delete").on(cache.Documents), (*Server).deleteDocument),
		op(answered(get, "sync", "/api/sync/", "What has changed since a cursor, including deletions", NeedToken, "sync_delta"), (*Server).sync),
		op(Route{
			ID: "static_data", Method: get, Path: "/api/static-data/", Summary: "Categories, priorities, frequencies and the like",
			Status: http.StatusOK,
		}, (*Server).staticData),
	}
}

// hotList is one of the four hot reads: no turn when its copy stands, else one,
// auth_lookup included.
func hotList(id, path, summary string) Route {
	r := answered(get, id, path, summary, NeedToken, id)
	r.Budget = Budget{Warm: 0, Cold: 1}
	return r
}

// plainPage is the form of a paged list of which copies are kept: the first page.
func plainPage() url.Values { return url.Values{"limit": {strconv.Itoa(store.DefaultPage)}} }

func systemRoutes() []Route {
	return []Route{
		plain(Route{ID: "livez", Method: get, Path: "/livez", Summary: "The process is running"}, (*Server).livez),
		plain(Route{ID: "readyz", Method: get, Path: "/readyz", Summary: "Ready for traffic", Statements: []string{"pool_ping"}, Budget: Budget{Warm: 0, Cold: 1}}, (*Server).readyz),
		plain(Route{ID: "startupz", Method: get, Path: "/startupz", Summary: "Startup is finished"}, (*Server).startupz),
		plain(Route{ID: "openapi", Method: get, Path: "/api/openapi.json", Summary: "The OpenAPI document"}, (*Server).openAPI),
		plain(Route{ID: "docs", Method: get, Path: "/api/docs/", Summary: "A page that shows the OpenAPI document"}, (*Server).docs),
	}
}
