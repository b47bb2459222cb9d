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
		gone, err := s.deletePart(ctx, part)
		deleted = append(deleted, gone...)
		if err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

func (s *Service) deletePart(ctx context.Context, ids []string) (deleted []string, err error) {
	s.placing.Lock()
	defer s.placing.Unlock()
	var unused []store.Media
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		var part []store.Media
		for _, id := range ids {
			m, found, err := tx.MediaInfo(id)
			if err != nil {
				return err
			}
			if found {
				part, deleted = append(part, m.Media), append(deleted, id)
			}
		}
		unused, err = forget(tx, part)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, m := range unused {
		if err := s.remove(m.SHA256); err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}
