package media

import (
	"context"

	"beffroi/server/store"
)

// Delete removes uploads by their ids, whoever uploaded them, and gives those that were there. The bytes go where nobody else uploaded the same.
func (s *Service) Delete(ctx context.Context, ids []string) (deleted []string, err error) {
	for len(ids) > 0 {
		part := ids[:min(len(ids), erasedPerWrite)]
		ids = ids[len(part):]
		var gone []string
		_, err := s.drop(ctx, func(tx *store.Tx) (sums [][]byte, err error) {
			gone, sums, err = deletePart(tx, part)
			return sums, err
		})
		if err != nil {
			return deleted, err
		}
		deleted = append(deleted, gone...)
	}
	return deleted, nil
}

func deletePart(tx *store.Tx, ids []string) (gone []string, sums [][]byte, err error) {
	for _, id := range ids {
		m, found, err := tx.MediaInfo(id)
		if err != nil {
			return nil, nil, err
		}
		if !found {
			continue
		}
		if err := tx.DeleteMedia(id); err != nil {
			return nil, nil, err
		}
		gone, sums = append(gone, id), append(sums, m.SHA256)
	}
	return gone, sums, nil
}
