#[automatically_derived]
impl ::fluvius_core::__private::Domain for TransactionManagerDomain {
    const METADATA: &'static ::fluvius_core::__private::DomainMetadata = &::fluvius_core::__private::DomainMetadata {
        namespace: "transaction-manager",
        title: "Transaction Manager Domain",
        description: "Domain for managing bank account transactions.",
        tags: &["banking", "finance"],
        revision: 1u32,
        type_name: "TransactionManagerDomain",
        location: ::fluvius_core::__private::location!(),
    };
    const AGGREGATES: &'static [&'static ::fluvius_core::__private::AggregateDescriptor] = &[
        <Account as ::fluvius_core::__private::OneBlockForEachType>::DESCRIPTOR,
        <crate::Ledger as ::fluvius_core::__private::OneBlockForEachType>::DESCRIPTOR,
    ];
}
::fluvius_core::__private::submit! {
    ::fluvius_core::__private::Registration::domain(< TransactionManagerDomain as
    ::fluvius_core::__private::Domain > ::METADATA, < TransactionManagerDomain as
    ::fluvius_core::__private::Domain > ::AGGREGATES)
}
