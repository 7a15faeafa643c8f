package store

import (
	"context"

	"slipway"
)

// An InstanceQuery picks instances.
type InstanceQuery struct {
	Search      string // part of the id or the title, any case
	Environment string // id; "" is any
	Engine      slipway.Engine
	ShowDeleted bool // the deleted ones too
}

const instanceColumns = `id, title, engine, version, environment, link, deleted, labels, created, synced, sync_error, sources`

func instanceWhat(id string) string { return "instance " + quote(id) }

// A source is a slipway.Source as it is stored, in JSON: with its secrets sealed.
type source struct {
	ID        string             `json:"id"`
	Type      slipway.SourceType `json:"type"`
	Host      string             `json:"host,omitempty"`
	Port      string             `json:"port,omitempty"`
	Username  string             `json:"username,omitempty"`
	Password  []byte             `json:"password,omitempty"` // sealed
	Database  string             `json:"database,omitempty"`
	TLS       bool               `json:"tls,omitempty"`
	VerifyTLS bool               `json:"verify_tls,omitempty"`
	TLSCA     string             `json:"tls_ca,omitempty"`
	TLSCert   string             `json:"tls_cert,omitempty"`
	TLSKey    []byte             `json:"tls_key,omitempty"` // sealed
	Extra     map[string]string  `json:"extra,omitempty"`
}

// sealSources returns the sources of i as the column holds them.
func (b box) sealSources(i slipway.Instance) string {
	stored := make([]source, len(i.Sources))
	for n, s := range i.Sources {
		name := i.Name() + "/dataSources/" + s.ID
		stored[n] = source{
			ID: s.ID, Type: s.Type, Host: s.Host, Port: s.Port, Username: s.Username,
			Password: b.seal([]byte(s.Password.Reveal()), name+"/password"),
			Database: s.Database, TLS: s.TLS, VerifyTLS: s.VerifyTLS, TLSCA: s.TLSCA, TLSCert: s.TLSCert,
			TLSKey: b.seal([]byte(s.TLSKey.Reveal()), name+"/tlsKey"),
			Extra:  s.Extra,
		}
	}
	return asJSON(stored)
}

// openSources is the way back.
func (b box) openSources(i *slipway.Instance, stored []source) error {
	for _, s := range stored {
		name := i.Name() + "/dataSources/" + s.ID
		password, err := b.open(s.Password, name+"/password")
		if err != nil {
			return err
		}
		key, err := b.open(s.TLSKey, name+"/tlsKey")
		if err != nil {
			return err
		}
		i.Sources = append(i.Sources, slipway.Source{
			ID: s.ID, Type: s.Type, Host: s.Host, Port: s.Port, Username: s.Username, Password: slipway.Secret(password),
			Database: s.Database, TLS: s.TLS, VerifyTLS: s.VerifyTLS, TLSCA: s.TLSCA, TLSCert: s.TLSCert,
			TLSKey: slipway.Secret(key), Extra: s.Extra,
		})
	}
	return nil
}

func (r Reader) scanInstance(row row) (i slipway.Instance, err error) {
	var sources []source
	err = row.Scan(&i.ID, &i.Title, &i.Engine, &i.Version, &i.Environment, &i.Link, &i.Deleted, fromJSON(&i.Labels),
		at(&i.Created), at(&i.Synced), &i.SyncError, fromJSON(&sources))
	if err != nil {
		return i, err
	}
	return i, r.box.openSources(&i, sources)
}

// Instance returns an instance with its sources and their secrets, deleted or
// not.
func (r Reader) Instance(ctx context.Context, id string) (slipway.Instance, error) {
	return one(ctx, r, instanceWhat(id), r.scanInstance, ask(`
		SELECT `+instanceColumns+` FROM instance WHERE id = $1`, id))
}

// Instances lists instances by id.
func (r Reader) Instances(ctx context.Context, q InstanceQuery, page slipway.Page) ([]slipway.Instance, string, error) {
	var w where
	w.contains("search", q.Search)
	w.eq("environment", q.Environment)
	w.eq("engine", string(q.Engine))
	w.live("deleted", q.ShowDeleted)
	w.afterName("id", page)
	return listing[slipway.Instance]{
		what: "instances", text: `SELECT ` + instanceColumns + ` FROM instance`, where: w, order: "id",
		scan: r.scanInstance, key: func(i slipway.Instance) string { return i.ID },
	}.page(ctx, r, page)
}

// CreateInstance adds an instance with its sources.
func (tx *Tx) CreateInstance(ctx context.Context, i slipway.Instance) error {
	return tx.create(ctx, instanceWhat(i.ID), ask(`
		INSERT INTO instance (`+instanceColumns+`, search)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		i.ID, i.Title, i.Engine, i.Version, i.Environment, i.Link, i.Deleted, asJSON(i.Labels),
		i.Created, i.Synced, i.SyncError, tx.box.sealSources(i), searchable(i.ID, i.Title)))
}

// UpdateInstance saves all of an instance, its sources too, but the id, the
// engine and the creation.
func (tx *Tx) UpdateInstance(ctx context.Context, i slipway.Instance) error {
	return tx.change(ctx, instanceWhat(i.ID), ask(`
		UPDATE instance SET title = $2, version = $3, environment = $4, link = $5, deleted = $6, labels = $7,
			synced = $8, sync_error = $9, sources = $10, search = $11
		WHERE id = $1`,
		i.ID, i.Title, i.Version, i.Environment, i.Link, i.Deleted, asJSON(i.Labels),
		i.Synced, i.SyncError, tx.box.sealSources(i), searchable(i.ID, i.Title)))
}
