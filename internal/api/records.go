package api

import (
	"context"
	"fmt"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
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

func (s *Server) listContractors(ctx context.Context, in *Paging) (rendered, error) {
	return fromDatabase(ctx, s, func(ctx context.Context, hash []byte) (hotAnswer[List[household.Contractor]], error) {
		return paged(s.db.Contractors(ctx, hash, in.page()))
	})
}

func (s *Server) createContractor(ctx context.Context, in *createContractorInput) (*createdContractor, error) {
	c, err := write(ctx, s, cache.Contractors.Scopes(in.Body.ResidenceID), func(ctx context.Context, w store.Write) (household.Contractor, error) {
		return s.db.CreateContractor(ctx, w, sessionFrom(ctx).userID, in.Body)
	}, func(c household.Contractor) cache.Effects {
		return cache.Effects{Item: cache.Item{In: cache.Contractors, ID: c.ID}, Residence: c.ResidenceID}
	})
	if err != nil {
		return nil, err
	}
	return &createdContractor{Location: fmt.Sprintf("/api/contractors/%d/", c.ID), Body: c}, nil
}

func (s *Server) deleteContractor(ctx context.Context, in *OneID) (*none, error) {
	_, err := writeItem(ctx, s, failing(func(ctx context.Context, w store.Write) error {
		return s.db.DeleteContractor(ctx, w, sessionFrom(ctx).userID, in.ID)
	}), nil)
	return nil, err
}

func (s *Server) listDocuments(ctx context.Context, in *Paging) (rendered, error) {
	return fromDatabase(ctx, s, func(ctx context.Context, hash []byte) (hotAnswer[List[household.Document]], error) {
		return paged(s.db.Documents(ctx, hash, in.page()))
	})
}

func (s *Server) createDocument(ctx context.Context, in *createDocumentInput) (*createdDocument, error) {
	d, err := write(ctx, s, cache.Documents.Scopes(in.Body.ResidenceID), func(ctx context.Context, w store.Write) (household.Document, error) {
		return s.db.CreateDocument(ctx, w, sessionFrom(ctx).userID, in.Body)
	}, func(d household.Document) cache.Effects {
		return cache.Effects{Item: cache.Item{In: cache.Documents, ID: d.ID}, Residence: d.ResidenceID}
	})
	if err != nil {
		return nil, err
	}
	return &createdDocument{Location: fmt.Sprintf("/api/documents/%d/", d.ID), Body: d}, nil
}

func (s *Server) deleteDocument(ctx context.Context, in *OneID) (*none, error) {
	_, err := writeItem(ctx, s, failing(func(ctx context.Context, w store.Write) error {
		return s.db.DeleteDocument(ctx, w, sessionFrom(ctx).userID, in.ID)
	}), nil)
	return nil, err
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
