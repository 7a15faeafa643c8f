package postgres

import "context"
import "slipway"

func (e *Engine) Schema(ctx context.Context, src slipway.Source, db string) (string, error) {
	return "", nil
}
