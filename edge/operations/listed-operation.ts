import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';

/** An announcement as the list shows it: with how much of it the edge checks, and not with the check itself. */
export function listedOperation(announcement: OperationAnnouncement): ListedOperation {
  const { inputCheck = true, inputCheckIsWhole = false, ...listed } = announcement;
  const atLeast = inputCheck === true ? 'nothing' : 'parts';
  return { ...listed, edgeChecks: inputCheckIsWhole ? 'whole' : atLeast };
}
