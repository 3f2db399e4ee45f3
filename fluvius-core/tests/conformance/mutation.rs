//! What a store can do wrong.

/// One thing that a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Mutation {
    // Versions.
    VersionsUnchecked,
    ReadRootsUnchecked,
    AbsentRootsUnchecked,
    ClosedRootsAreAbsent,
    LastStaleRootTold,
    StaleRowNotTold,
    OnlyOneVersionAUnit,
    BatchNotCounted,
    StaleRowOfBeforeTheBatch,

    // Dependencies and fates.
    DependenciesIgnored,
    FallsOneStep,
    AllBehindARefusalFall,
    RefusalFailsTheBatch,
    LastDependencyTold,
    StaleBeforeKnown,
    KnownBeforeFell,
    ShapeUnchecked,
    ShapeFaultMayPass,
    FatesMissing,
    EmptyBatchHasAFate,

    // What is left behind.
    OnlyFirstRootWritten,
    RefusedLeavesCommand,
    StaleLeavesStates,
    RefusedLeavesContext,
    UnitsWithoutRowsUnchecked,
    UnitsWithoutRowsLeaveContext,
    DroppedLeavesHalf,
    ManyRootsFail,
    ManyUnitsFail,
    ClosedRowsDropped,

    // Command identifiers.
    IdentifiersUnchecked,
    IdentifiersUncheckedInBatch,
    IdentifiersOfRefusalsFree,
    IdentifiersOfInvokedFree,
    IdentifiersOfRefusedUnitsTaken,
    KnownTellsTheNewRow,
    RefusalsNotFound,

    // Contexts.
    ContextsRemembered,
    ContextsReplaced,
    ContextsOfActivitiesDropped,

    // Order and readers.
    EventsBeforeCommands,
    PositionsPerLog,
    PositionsWithGaps,
    PositionsPerHandle,
    PositionsReserved,
    HalfUnitsShown,
    LastRowsShownLater,
    LogShownLater,
    OldContentShown,

    // At the same time.
    CheckedEarly,
    ReadRootsCheckedEarly,
    AbsentRootsCheckedEarly,
    IdentifiersCheckedEarly,
    LocksInBatchOrder,

    // Values.
    TextsTrimmed,
    TextsCut,
    NamesInLowerCase,
    NamesCompared,
    QuotesDoubled,
    EmptyIsAbsent,
    NullIsAbsent,
    NumbersAsFloats,
    PayloadInOneForm,
    TimesInMilliseconds,
    TimesUnsigned,
    NilIsAbsent,
    RolesSorted,
    RevisionsSigned,

    // Logs.
    RootsIgnored,
    RealmsIgnored,
    NoRealmIsAllRealms,
    RealmOfTheRoot,
    AfterIncluded,
    LimitOverrun,
    BoundsSigned,
    LimitBeforeConditions,
    HistoryWithoutLast,

    // Resources.
    ClaimsUnchecked,
    ClaimsHalf,
    ClaimsMayPass,
    ClaimsCheckedEarly,

    // Reopening.
    ForgetsWhenClosed,
    IdentifiersForgottenWhenClosed,
    PositionsForgottenWhenClosed,
}
