package api

import (
	"context"
	"fmt"

	"github.com/honeydue/honeydue/internal/household"
)

type (
	createContractorInput struct{ Body household.NewContractor }
	createdContractor     struct {
		Location string `header:"Location"`
		Body     household.Contractor
	}
	createDocumentInput struct{ Body household.NewDocument }
	createdDocument     struct {
		Location string `header:"Location"`
		Body     household.Document
	}
)

func (s *Server) listContractors(ctx context.Context, in *Paging) (*listOutput[household.Contractor], error) {
	l, err := s.db.Contractors(ctx, sessionFrom(ctx).user.ID, in.page())
	return listed(ctx, s, l, err)
}

func (s *Server) createContractor(ctx context.Context, in *createContractorInput) (*createdContractor, error) {
	c, err := s.db.CreateContractor(ctx, sessionFrom(ctx).user.ID, in.Body)
	if err != nil {
		return nil, err
	}
	return &createdContractor{Location: fmt.Sprintf("/api/contractors/%d/", c.ID), Body: c}, nil
}

func (s *Server) deleteContractor(ctx context.Context, in *OneID) (*none, error) {
	return nil, s.db.DeleteContractor(ctx, sessionFrom(ctx).user.ID, in.ID)
}

func (s *Server) listDocuments(ctx context.Context, in *Paging) (*listOutput[household.Document], error) {
	l, err := s.db.Documents(ctx, sessionFrom(ctx).user.ID, in.page())
	return listed(ctx, s, l, err)
}

func (s *Server) createDocument(ctx context.Context, in *createDocumentInput) (*createdDocument, error) {
	d, err := s.db.CreateDocument(ctx, sessionFrom(ctx).user.ID, in.Body)
	if err != nil {
		return nil, err
	}
	return &createdDocument{Location: fmt.Sprintf("/api/documents/%d/", d.ID), Body: d}, nil
}

func (s *Server) deleteDocument(ctx context.Context, in *OneID) (*none, error) {
	return nil, s.db.DeleteDocument(ctx, sessionFrom(ctx).user.ID, in.ID)
}

// StaticData is what the app needs to draw its forms: the same for everyone,
// and compiled in.
type StaticData struct {
	Categories    []household.Category   `json:"categories" nullable:"false"`
	Priorities    []household.Priority   `json:"priorities" nullable:"false"`
	Frequencies   []household.Frequency  `json:"frequencies" nullable:"false"`
	DocumentKinds []string               `json:"document_kinds" nullable:"false"`
	Roles         []household.Role       `json:"roles" nullable:"false"`
	Columns       []household.ColumnName `json:"columns" nullable:"false"`
	DueSoonDays   int                    `json:"due_soon_days"`
}

type staticOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         StaticData
}

func (s *Server) staticData(context.Context, *none) (*staticOutput, error) {
	return &staticOutput{
		CacheControl: "public, max-age=3600",
		Body: StaticData{
			Categories: household.Categories(), Priorities: household.Priorities(), Frequencies: household.Frequencies(),
			DocumentKinds: household.DocumentKinds(), Roles: household.Roles(), Columns: household.ColumnNames(),
			DueSoonDays: household.DueSoonDays,
		},
	}, nil
}
